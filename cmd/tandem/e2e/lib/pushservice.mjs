// A push service for tests (RFC 8030): it makes browsers, takes what is pushed to
// them, decrypts it as they would (RFC 8291), and checks who signed it (RFC 8292).
import assert from 'node:assert/strict';
import { createDecipheriv, createECDH, createPublicKey, hkdfSync, randomBytes, verify } from 'node:crypto';
import { createServer } from 'node:http';
import { eventually } from './eventually.mjs';

export class PushService {
  /** What came, oldest first: {endpoint, ttl, urgency, topic, data}, or {error}. */
  pushes = [];
  #browsers = new Map();
  #server;

  static async start() {
    const service = new PushService();
    service.#server = createServer((req, res) => {
      const parts = [];
      req.on('data', (b) => parts.push(b));
      req.on('end', () => {
        try {
          service.pushes.push(service.#read(req, Buffer.concat(parts)));
          res.writeHead(201).end();
        } catch (error) {
          service.pushes.push({ error });
          res.writeHead(400).end();
        }
      });
    });
    await new Promise((resolve) => service.#server.listen(0, '127.0.0.1', resolve));
    service.origin = `http://127.0.0.1:${service.#server.address().port}`;
    return service;
  }

  async stop() {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  /** A browser that subscribed, as PushSubscription.toJSON() gives it. */
  browser() {
    const ecdh = createECDH('prime256v1');
    ecdh.generateKeys();
    const auth = randomBytes(16);
    const path = `/push/${randomBytes(16).toString('base64url')}`;
    this.#browsers.set(path, { ecdh, auth });
    return {
      endpoint: this.origin + path,
      expirationTime: null,
      keys: { p256dh: ecdh.getPublicKey().toString('base64url'), auth: auth.toString('base64url') },
    };
  }

  /** Waits for the next push of a type, and takes it and all before it out. */
  async next(type) {
    let at = -1;
    await eventually(`a push "${type}" comes`, () => {
      const broken = this.pushes.find((p) => p.error);
      if (broken) throw broken.error;
      return (at = this.pushes.findIndex((p) => p.data.type === type)) >= 0;
    });
    return this.pushes.splice(0, at + 1).at(-1);
  }

  #read(req, body) {
    const { ecdh, auth } = this.#browsers.get(req.url);
    const h = req.headers;
    assert.equal(h['content-encoding'], 'aes128gcm');
    this.#checkToken(h.authorization);
    const salt = body.subarray(0, 16);
    const keyEnd = 21 + body[20];
    const theirs = body.subarray(21, keyEnd);
    const info = Buffer.concat([Buffer.from('WebPush: info\0'), ecdh.getPublicKey(), theirs]);
    const ikm = hkdf(ecdh.computeSecret(theirs), auth, info, 32);
    const key = hkdf(ikm, salt, Buffer.from('Content-Encoding: aes128gcm\0'), 16);
    const nonce = hkdf(ikm, salt, Buffer.from('Content-Encoding: nonce\0'), 12);
    const sealed = body.subarray(keyEnd);
    const open = createDecipheriv('aes-128-gcm', key, nonce).setAuthTag(sealed.subarray(-16));
    const plain = Buffer.concat([open.update(sealed.subarray(0, -16)), open.final()]);
    const text = plain.subarray(0, plain.lastIndexOf(2)).toString();
    return { endpoint: this.origin + req.url, ttl: Number(h.ttl), urgency: h.urgency, topic: h.topic, text, data: JSON.parse(text) };
  }

  #checkToken(header) {
    const [, token, k] = /^vapid t=([^,]+), ?k=(.+)$/.exec(header ?? '') ?? assert.fail(`no VAPID: ${header}`);
    const [head, claims, signature] = token.split('.');
    const point = Buffer.from(k, 'base64url');
    const jwk = { kty: 'EC', crv: 'P-256', x: point.subarray(1, 33).toString('base64url'), y: point.subarray(33).toString('base64url') };
    const key = { key: createPublicKey({ key: jwk, format: 'jwk' }), dsaEncoding: 'ieee-p1363' };
    assert.ok(verify('sha256', `${head}.${claims}`, key, Buffer.from(signature, 'base64url')), 'a signature of the key that is shown');
    const { aud, exp } = JSON.parse(Buffer.from(claims, 'base64url'));
    assert.equal(aud, this.origin);
    assert.ok(exp > Date.now() / 1000 && exp <= Date.now() / 1000 + 86_400, `good until ${exp}`);
    this.key = k;
  }
}

function hkdf(secret, salt, info, length) {
  return Buffer.from(hkdfSync('sha256', secret, salt, info, length));
}
