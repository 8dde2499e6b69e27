// The built-in page on two nodes: a video call across them, and one node killed
// in the middle of it (C13).
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { atEnd } from '../lib/atend.mjs';
import { launchBrowser, mediaFlows, newPage } from '../lib/browser.mjs';
import { startCluster } from '../lib/cluster.mjs';
import { eventually } from '../lib/eventually.mjs';
import { report } from '../lib/report.mjs';
import { FLAGS } from '../browser/flags.mjs';
import { connected, done, join, lobby, part, seen, sees, talk, watch } from '../browser/page.mjs';

const nodeOf = (page) => page.evaluate(() => window.__node);

/** Opens the page, until it is on another node than those given. */
async function openOn(browser, cluster, name, not) {
  for (let tries = 0; tries < 20; tries++) {
    const page = await newPage(browser);
    await page.addInitScript(keepHello);
    await page.goto(cluster.proxy.url);
    await join(page, name);
    const node = await eventually('the page says where it is', () => nodeOf(page));
    if (!not.includes(node)) return page;
    await page.context().close();
    // The nodes take turns, and a page may need as many requests as bring its
    // socket to the same one each time.
    await fetch(`${cluster.proxy.url}/readyz`);
  }
  throw new Error(`${name} always came to one of ${not}`);
}

/** Keeps the node that the hello of the page's latest socket names. */
function keepHello() {
  window.WebSocket = class extends window.WebSocket {
    constructor(...args) {
      super(...args);
      this.addEventListener('message', (e) => {
        if (typeof e.data !== 'string' || !e.data.startsWith('{"event":"hello"')) return;
        window.__node = JSON.parse(e.data).args[0].node;
      });
    }
  };
}

for (const victim of ['caller', 'callee']) {
  test(`C13: a video call across two nodes, kill -9 of the ${victim}'s: the call goes on`, async (t) => {
    const browser = await launchBrowser();
    atEnd(t, () => browser.close());
    const cluster = await startCluster(t, { nodes: 2, names: true, flags: { ...FLAGS, 'node-lease': '2s' } });
    const anna = await openOn(browser, cluster, 'Anna', []);
    const ben = await openOn(browser, cluster, 'Ben', [await nodeOf(anna)]);
    assert.notEqual(await nodeOf(anna), await nodeOf(ben));
    await talk(anna, ben);
    await mediaFlows([anna, ben]);
    await Promise.all([watch(anna), watch(ben)]);
    const [page, other] = victim === 'caller' ? [anna, ben] : [ben, anna];
    const home = await nodeOf(page);
    const dead = cluster.nodes.find((n) => n.name === home);
    await dead.die();
    const began = Date.now();
    await sees(other, 'peer away');
    await sees(other, 'peer here');
    const back = Date.now() - began;
    await connected(anna, ben);
    assert.equal(await nodeOf(page), await nodeOf(other), 'it came back on the node that is left');
    await mediaFlows([anna, ben]);
    for (const p of [anna, ben]) {
      assert.ok(!(await seen(p)).includes('reconnecting'), `${p.user}: media was interrupted: ${await seen(p)}`);
      await part(p, 'in-call').waitFor();
    }
    // Signaling works in both directions, and the end reaches both.
    await part(page, 'mute').click();
    await other.getByText('Muted').waitFor();
    await part(page, 'hangup').click();
    await lobby(anna, ben);
    await talk(ben, anna, false);
    await done(anna, ben);
    report(`kill -9 of the ${victim}'s node in a video call of two browsers`, { calls: 1, ms: back, checked: 'media never stopped, the peer saw reconnecting and back, hanging up ended it on both, and they can call again' });
  });
}
