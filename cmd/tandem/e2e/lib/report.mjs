// The rows of docs/chaos.md: what a test of a fault counted and held. Written as
// JSON lines to the file that TANDEM_CHAOS_REPORT names (make chaos).
import { appendFileSync } from 'node:fs';

/**
 * @param {string} fault  what was done
 * @param {{checked: string, ms?: number} & Object<string, string|number>} row
 *   counts by name, times in milliseconds, and what was held
 */
export function report(fault, row) {
  const file = process.env.TANDEM_CHAOS_REPORT;
  if (file) appendFileSync(file, `${JSON.stringify({ fault, ...row })}\n`);
}
