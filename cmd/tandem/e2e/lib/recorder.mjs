// What a client was told, and how a test waits for it. Every client records all
// events: next() takes the oldest one of a name that was not taken before,
// quiet() says that none is left. Nothing here waits for time to pass.
import assert from 'node:assert/strict';

/** How long an event may take to come, in milliseconds, on a machine that has more to do. */
export const PATIENCE = 15_000;

/** An error that the server answered: code is stable. */
export class Refused extends Error {
  constructor({ code, message }) {
    super(`${code}: ${message}`);
    this.code = code;
    this.sentence = message;
  }
}

/** What was told, and who waits for it. Both dialects build on it. */
export class Recorder {
  /** All events, oldest first: {name, args, taken, offset?, seq?}. */
  events = [];
  #waiting = [];

  record(event) {
    this.events.push(event);
    for (const w of [...this.#waiting]) {
      if (!event.taken && w.wants(event)) w.take(event);
    }
  }

  /**
   * Takes the oldest event of the name (that matches) and returns its
   * arguments.
   */
  async next(name, match = () => true, ms = PATIENCE) {
    return (await this.take((e) => e.name === name && match(...e.args), name, ms)).args;
  }

  /** Takes the oldest event, of several names. */
  first(...names) {
    return this.take((e) => names.includes(e.name), names.join(' or '));
  }

  take(wants, name, ms = PATIENCE) {
    const old = this.events.find((e) => !e.taken && wants(e));
    if (old) {
      old.taken = true;
      return Promise.resolve(old);
    }
    const place = new Error(); // where the test waits
    return new Promise((resolve, reject) => {
      const w = { wants };
      const done = () => {
        clearTimeout(timer);
        this.#waiting.splice(this.#waiting.indexOf(w), 1);
      };
      w.take = (e) => {
        e.taken = true;
        done();
        resolve(e);
      };
      const timer = setTimeout(() => {
        done();
        place.message = `${this.who} was not told ${name} within ${ms} ms; ${this.story()}`;
        reject(place);
      }, ms);
      this.#waiting.push(w);
    });
  }

  /** The latest events, for messages. */
  story() {
    const told = this.events
      .filter((e) => !['getOnlineUsers', '(refused)', '(packet)'].includes(e.name))
      .map((e) => `${e.taken ? '-' : '+'} ${e.name} ${JSON.stringify(e.args).slice(0, 160)}`);
    return `it was told (-: and that was taken):\n${told.slice(-20).join('\n')}`;
  }

  /** The arguments of every event of the name, taken or not. */
  all(name) {
    return this.events.filter((e) => e.name === name).map((e) => e.args);
  }

  /** Fails if an event of one of the names was told and not taken. */
  quiet(...names) {
    const left = this.events.filter((e) => !e.taken && names.includes(e.name)).map((e) => [e.name, ...e.args]);
    assert.deepEqual(left, [], `${this.who} was told what it should not have been`);
  }

  /** Forgets what was told so far. */
  forget() {
    for (const e of this.events) e.taken = true;
  }
}

