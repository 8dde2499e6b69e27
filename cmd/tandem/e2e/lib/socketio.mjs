// The Socket.IO dialect: socket.io-client as people have it, and a client made by
// hand for what libraries do not do.
import { io } from 'socket.io-client';
import WebSocket from 'ws';
import { atEnd } from './atend.mjs';
import { PATIENCE, Recorder, Refused } from './recorder.mjs';
import { mintToken } from './server.mjs';

/** socket.io-client, base or extended. */
export class SocketIOClient extends Recorder {
  dialect = 'sio';

  constructor(server, o) {
    super();
    Object.assign(this, { user: o.user, kind: o.kind, extended: !!o.extended, device: o.device });
    this.who = `${o.user} (${o.kind})`;
    const auth = { ...o.auth };
    if (o.extended) auth.tandem = 1;
    if (o.device) auth.deviceId = o.device;
    if (o.resume) auth.resume = true;
    if (o.token) auth.token = o.token;
    this.socket = io(o.url ?? server.url, {
      forceNew: true,
      autoConnect: false,
      reconnection: !!o.reconnect,
      reconnectionDelay: 40,
      reconnectionDelayMax: 80,
      randomizationFactor: 0,
      timeout: 3000,
      ...(o.transports ? { transports: o.transports } : {}),
      ...(o.headers ? { extraHeaders: o.headers } : {}),
      ...(o.query === null ? {} : { query: o.query ?? { userId: o.user } }),
      ...(Object.keys(auth).length ? { auth } : {}),
      ...o.io,
    });
    this.socket.onAny((name, ...args) => this.#told(name, args));
    // Life, as events of the record, with names that the protocol does not have.
    this.socket.on('connect', () => this.record({ name: '(connect)', args: [{ recovered: this.socket.recovered, id: this.socket.id }] }));
    this.socket.on('disconnect', (reason) => this.record({ name: '(disconnect)', args: [reason] }));
    this.socket.on('connect_error', (error) => this.record({ name: '(refused)', args: [error] }));
    this.socket.io.on('reconnect_failed', () => this.record({ name: '(gave up)', args: [] }));
  }

  // Connection state recovery appends the packet's offset as one more string.
  // No event of the protocol ends in a string but those with a bare one.
  #told(name, args) {
    let offset;
    if (args.length > 1 && typeof args.at(-1) === 'string') offset = args.pop();
    this.record({ name, args, offset });
  }

  async open() {
    this.socket.connect();
    const e = await this.first('(connect)', '(refused)');
    if (e.name === '(refused)') throw e.args[0];
    return this;
  }

  /** Waits until the connection is a WebSocket. */
  async upgraded() {
    const { engine } = this.socket.io;
    if (engine.transport.name === 'websocket') return;
    await new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`${this.who} was not upgraded`)), PATIENCE);
      engine.once('upgrade', () => {
        clearTimeout(timer);
        resolve();
      });
    });
  }

  get id() {
    return this.socket.id;
  }

  get deviceId() {
    return this.device ?? this.socket.id;
  }

  send(event, ...args) {
    this.socket.emit(event, ...args);
  }

  /** Sends with an acknowledgement: its argument, or a Refused. */
  async ask(event, ...args) {
    let reply;
    try {
      reply = await this.socket.timeout(PATIENCE).emitWithAck(event, ...args);
    } catch (error) {
      const { engine } = this.socket.io;
      throw new Error(`${this.who}: no ack for ${event}: ${error.message} (${engine?.transport?.name}, ${engine?.readyState}, upgrading ${engine?.upgrading}); ${this.story()}`);
    }
    if (reply && typeof reply === 'object' && reply.error) throw new Refused(reply.error);
    return reply;
  }

  async sync() {
    // An event that nobody knows is answered as such: that is enough.
    await this.ask('e2e:sync').catch((error) => {
      if (error.code !== 'unknown_event') throw error;
    });
  }

  /** Ends cleanly: a DISCONNECT packet. */
  leave() {
    this.socket.disconnect();
  }

  close() {
    this.socket.disconnect();
    this.socket.io.engine?.close();
  }
}

/**
 * A Socket.IO client made by hand over one WebSocket, for what libraries do not
 * do: chosen close codes, packets that are none, a client that stops answering.
 * Packets are recorded as (packet); events as for the others.
 */
export class RawClient extends Recorder {
  constructor(t, server, user, o = {}) {
    super();
    this.user = user;
    this.who = `${user} (raw)`;
    const q = new URLSearchParams({ EIO: '4', transport: 'websocket', userId: user, ...o.query });
    this.auth = { ...o.auth };
    if (server.options.secret) this.auth.token = mintToken(user);
    this.pong = o.pong ?? true;
    this.ws = new WebSocket(`${(o.url ?? server.url).replace(/^http/, 'ws')}/socket.io/?${q}`, { headers: o.headers, ...o.ws });
    this.ws.on('message', (data, binary) => this.#packet(data, binary));
    this.ws.on('close', (code, reason) => this.record({ name: '(close)', args: [code, String(reason)] }));
    this.ws.on('error', () => {});
    atEnd(t, () => this.ws.terminate());
  }

  #packet(data, binary) {
    const s = binary ? data : String(data);
    this.record({ name: '(packet)', args: [s] });
    if (binary) return;
    if (s === '2' && this.pong) this.ws.send('3');
    const event = /^42(?:\/[^,]*,)?(\d*)(\[.*)$/s.exec(s);
    if (!event) return;
    const [name, ...args] = JSON.parse(event[2]);
    let offset;
    if (args.length > 1 && typeof args.at(-1) === 'string') offset = args.pop();
    this.record({ name, args, offset });
  }

  /** Sends the CONNECT packet and waits for the answer. */
  async open() {
    [this.handshake] = await this.next('(packet)', (s) => s[0] === '0');
    this.ws.send(`40${JSON.stringify(this.auth)}`);
    const [s] = await this.next('(packet)', (p) => typeof p === 'string' && (p.startsWith('40') || p.startsWith('44')));
    if (s.startsWith('44')) throw new Error(s);
    this.connected = JSON.parse(s.slice(2));
    return this;
  }

  get deviceId() {
    return this.auth.deviceId ?? this.connected.sid;
  }

  send(event, ...args) {
    this.ws.send(`42${JSON.stringify([event, ...args])}`);
  }

  async sync() {
    this.acks = (this.acks ?? 0) + 1;
    this.ws.send(`42${this.acks}["e2e:sync"]`);
    await this.next('(packet)', (s) => typeof s === 'string' && s.startsWith(`43${this.acks}[`));
  }
}
