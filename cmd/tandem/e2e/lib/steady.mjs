// Clients that come back by themselves, as an SDK does: they connect again when
// their connection ends, resume, and take their call again where that failed.
import { atEnd } from './atend.mjs';
import { answer, callUser } from './calls.mjs';
import { eventually } from './eventually.mjs';
import { JSONClient } from './jsonws.mjs';
import { mintToken, unique } from './server.mjs';

const pause = () => new Promise((resolve) => setTimeout(resolve, 50 + Math.random() * 100));

/** A client of the plain dialect that stays connected until it leaves. */
export class Steady extends JSONClient {
  /** How long it was away, each time, in milliseconds. */
  outages = [];
  /** How often it came back with its session, and how often as a new one. */
  resumed = 0;
  renewed = 0;
  /** Numbers of the signals it was told, and of those it sent that were acked. */
  got = new Set();
  acked = new Set();

  record(e) {
    if (e.name === 'call:signal' && e.args[0].signal.n !== undefined) {
      this.got.add(e.args[0].signal.n);
      return; // there are many
    }
    super.record(e);
    if (e.name === '(close)' && e.ws === this.live) {
      this.live = undefined;
      if (!this.left) this.#back(Date.now());
    }
  }

  async open(o) {
    await super.open(o);
    this.live = this.ws;
    return this;
  }

  get here() {
    return this.live !== undefined;
  }

  async #back(began) {
    for (;;) {
      await pause();
      if (this.left || this.server.closed) return;
      try {
        await this.open({ resume: {} });
      } catch {
        continue; // the node it got is going, too
      }
      if (this.hello.resumed) this.resumed++;
      else this.renewed++;
      // What was signalled while it had no session waits with the call.
      if (!this.hello.resumed && this.callId) {
        try {
          const { pending } = await this.ask('call:resume', { callId: this.callId });
          for (const { event, args } of pending) this.record({ name: event, args });
        } catch (error) {
          if (error.code === undefined) continue; // cut again
          this.refusal = error;
        }
      }
      this.outages.push(Date.now() - began);
      return;
    }
  }

  /** Sends numbered signals in its call until stop() is true. */
  async chat(stop, gap = 100) {
    for (let n = 1; !stop() && !this.server.closed; n++) {
      if (this.here) {
        await this.ask('call:signal', { callId: this.callId, signal: { n } }).then(
          () => this.acked.add(n),
          (error) => {
            if (error.code !== undefined) this.refused = (this.refused ?? new Map()).set(error.code, (this.refused?.get(error.code) ?? 0) + 1);
          },
        );
      }
      await new Promise((resolve) => setTimeout(resolve, gap));
    }
  }

  close() {
    this.left = true;
    super.close();
  }
}

/** A steady client that is connected to `first` (default: server) and comes back through server. */
export async function steady(t, server, user = unique('steady'), { first = server, device = 'd1' } = {}) {
  const c = new Steady(server, { user, kind: 'json', device, token: mintToken(user) });
  atEnd(t, () => c.close());
  return c.open({ url: first.ws });
}

/** Waits until everybody is connected. */
export const allHere = (clients, ms) => eventually('every client is connected', () => clients.every((c) => c.here), ms);

/** The signals of b that were acked and that a never got. */
export const missing = (a, b) => [...b.acked].filter((n) => !a.got.has(n));

/** n calls, each from a client that is on one node to one on another; of two nodes, from the first to the second. */
export async function calls(t, cluster, n, nodes) {
  const pairs = [];
  for (let i = 0; i < n; i += 25) {
    pairs.push(...(await Promise.all(Array.from({ length: Math.min(25, n - i) }, (_, k) => {
      const at = (side) => nodes[((nodes.length > 2 ? i + k : 0) + side) % nodes.length];
      return talking(t, cluster, at(0), at(1));
    }))));
  }
  return pairs;
}

async function talking(t, cluster, from, to) {
  const [a, b] = await Promise.all([
    steady(t, cluster.proxy, unique('alice'), { first: from }),
    steady(t, cluster.proxy, unique('bob'), { first: to }),
  ]);
  const { callId } = await a.ask('call:user', callUser(a, b));
  await b.next('call:incoming');
  await b.ask('call:answer', { callId, to: a.user, signal: answer() });
  await a.next('call:accepted');
  a.callId = b.callId = callId;
  return { a, b, callId };
}
