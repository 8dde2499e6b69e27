// Real network losses between a client and a server.
import net from 'node:net';

/**
 * A TCP proxy in front of a server, which makes real network losses:
 *
 *	cut()      every connection ends without a close frame: FIN to both sides
 *	reset()    the same with RST
 *	freeze()   nothing passes any more in either direction: half-open
 *	thaw()     what was held back passes
 *	block()    new connections are refused (reset) until unblock()
 *	mute(n)    of new connections: from the n-th piece on that the client sends,
 *	           nothing that the server answers arrives; heard() says when it has
 *	unmute()   of further ones all arrives
 *	delay(ms)  from now on everything takes so long, in each direction
 */
export class Proxy {
  pairs = new Set();
  frozen = false;
  blocked = false;
  lost = 0;
  latency = 0;

  constructor(port, host = '127.0.0.1') {
    this.target = { port, host };
    // allowHalfOpen: a FIN of one side is passed on as such.
    this.server = net.createServer({ allowHalfOpen: true }, (near) => this.#accept(near));
  }

  static async to(server) {
    const p = new Proxy(server.port, server.host ?? '127.0.0.1');
    await new Promise((resolve, reject) => {
      p.server.once('error', reject);
      p.server.listen(0, '127.0.0.1', resolve);
    });
    p.port = p.server.address().port;
    const tls = server.protocol === 'https:';
    p.url = `${tls ? 'https' : 'http'}://127.0.0.1:${p.port}`;
    p.ws = `${tls ? 'wss' : 'ws'}://127.0.0.1:${p.port}/ws`;
    return p;
  }

  #accept(near) {
    near.on('error', () => {});
    if (this.blocked) {
      near.resetAndDestroy();
      return;
    }
    const far = net.connect({ ...this.target, allowHalfOpen: true });
    far.on('error', () => {});
    near.setNoDelay(true);
    far.setNoDelay(true);
    const pair = { near, far };
    this.pairs.add(pair);
    let left = this.muteAfter ?? Infinity;
    for (const [from, to] of [[near, far], [far, near]]) {
      from.on('data', (chunk) => {
        if (from === near) left--;
        else if (left <= 0) {
          this.lost += chunk.length;
          return;
        }
        if (this.latency) {
          setTimeout(() => to.write(chunk), this.latency); // timers of one length keep their order
          return;
        }
        if (!to.write(chunk)) {
          from.pause();
          to.once('drain', () => this.frozen || from.resume());
        }
      });
      from.on('end', () => setTimeout(() => to.end(), this.latency));
      from.on('close', () => {
        to.destroy();
        this.pairs.delete(pair);
      });
      if (this.frozen) from.pause();
    }
  }

  get connections() {
    return this.pairs.size;
  }

  cut() {
    for (const { near, far } of [...this.pairs]) {
      near.destroy();
      far.destroy();
    }
    this.pairs.clear();
  }

  reset() {
    for (const { near, far } of [...this.pairs]) {
      near.resetAndDestroy();
      far.resetAndDestroy();
    }
    this.pairs.clear();
  }

  freeze() {
    this.frozen = true;
    for (const { near, far } of this.pairs) {
      near.pause();
      far.pause();
    }
  }

  thaw() {
    this.frozen = false;
    for (const { near, far } of this.pairs) {
      near.resume();
      far.resume();
    }
  }

  block() {
    this.blocked = true;
  }

  unblock() {
    this.blocked = false;
  }

  delay(ms) {
    this.latency = ms;
  }

  mute(pieces = 1) {
    this.muteAfter = pieces;
    this.lost = 0;
  }

  unmute() {
    this.muteAfter = undefined;
  }

  /** The server has answered what did not arrive. */
  heard() {
    return this.lost > 0;
  }

  async close() {
    this.cut();
    await new Promise((resolve) => this.server.close(resolve));
  }
}
