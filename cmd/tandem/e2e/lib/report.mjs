// The rows of docs/chaos.md: what a test of a fault counted and held. Written as
// JSON lines to the file that TANDEM_CHAOS_REPORT names; run with that file, this
// prints the page (make chaos).
import { appendFileSync, readFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { fileURLToPath } from 'node:url';

/**
 * @param {string} fault  what was done
 * @param {{checked: string, ms?: number} & Object<string, string|number>} row
 *   counts by name, times in milliseconds, and what was held
 */
export function report(fault, row) {
  const file = process.env.TANDEM_CHAOS_REPORT;
  if (file) appendFileSync(file, `${JSON.stringify({ fault, ...row })}\n`);
}

function page(rows) {
  const cells = ({ fault, ms, checked, ...counts }) => {
    const numbers = Object.entries(counts).map(([name, n]) => `${name}: ${n}`).join('; ');
    return `| ${fault} | ${numbers} | ${ms === undefined ? '' : `${(ms / 1000).toFixed(2)} s`} | ${checked} |`;
  };
  return `# Faults of a cluster

Written by \`make chaos\`: real processes (three nodes, haproxy without sticky sessions, redis-server), real clients, the full counts. Every row is a test that passed; \`make test\` runs the same ones with small counts. This run: ${cpus().length} CPUs, Node ${process.versions.node}. The time is how long it took until all was well again or, where nothing was broken, how long the rounds took. Before them the slow Go tests passed with full counts too (\`make soak\`, presence/redis): fail-over by Sentinels, a Cluster with moved slots and a killed master. Clocks that are five minutes off are in \`make unit\`.

| fault | counts | time | what held |
|---|---|---|---|
${rows.map(cells).join('\n')}
`;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const lines = readFileSync(process.argv[2], 'utf8').split('\n').filter(Boolean);
  process.stdout.write(page(lines.map((l) => JSON.parse(l))));
}
