// A back end that gets webhooks, and checks each with the library that such back
// ends use.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import http from 'node:http';
import { Webhook } from 'standardwebhooks';
import { atEnd } from './atend.mjs';
import { eventually } from './eventually.mjs';

export class Receiver {
  /** What came, oldest first: {id, type, data, timestamp, taken}. */
  got = [];
  secret = `whsec_${randomBytes(24).toString('base64')}`;
  /** What it answers: (event, how many came before) => status. */
  answer = () => 200;
  #bad = [];

  static async start(t) {
    const r = new Receiver();
    r.server = http.createServer((req, res) => r.#take(req, res)).listen(0, '127.0.0.1');
    await once(r.server, 'listening');
    r.url = `http://127.0.0.1:${r.server.address().port}/hook`;
    /** For a server of Tandem's. */
    r.env = { TANDEM_WEBHOOK_URLS: r.url, TANDEM_WEBHOOK_SECRETS: r.secret };
    atEnd(t, () => {
      r.server.closeAllConnections();
      r.server.close();
      assert.deepEqual(r.#bad, [], 'webhooks that can not be verified');
    });
    return r;
  }

  async #take(req, res) {
    const parts = [];
    for await (const p of req) parts.push(p);
    const body = Buffer.concat(parts).toString();
    let event;
    try {
      event = new Webhook(this.secret).verify(body, req.headers);
      assert.equal(event.id, req.headers['webhook-id']);
    } catch (e) {
      this.#bad.push(`${e.message}: ${body}`);
      return res.writeHead(401).end();
    }
    const status = await this.answer(event, this.got.length);
    this.got.push({ ...event, taken: status < 300 });
    return res.writeHead(status).end('what it says is of no interest');
  }

  /** What was taken about a call or a user, oldest first. */
  of(id) {
    return this.got.filter((e) => e.taken && [e.data.callId, e.data.user, e.data.message?.senderId].includes(id));
  }

  types(id) {
    return this.of(id).map((e) => e.type);
  }

  /** Waits until an event matches. */
  next(what, match) {
    return eventually(`a webhook says: ${what}`, () => this.got.find((e) => e.taken && match(e)));
  }
}
