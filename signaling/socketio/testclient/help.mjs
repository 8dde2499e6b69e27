// What the cases share: sockets that are closed after each test, and promises
// for events with a time limit.
import { afterEach } from "node:test";
import { io } from "socket.io-client";

export const URL = process.env.SIO_URL;
export const RECOVERY_URL = process.env.SIO_RECOVERY_URL;

const open = [];

afterEach(() => {
  for (const s of open.splice(0)) s.disconnect();
});

export function client(url, options = {}) {
  const s = io(url, {
    forceNew: true,
    reconnectionDelay: 50,
    reconnectionDelayMax: 100,
    randomizationFactor: 0,
    ...options,
  });
  open.push(s);
  return s;
}

// event resolves with the arguments of the next such event.
export function event(emitter, name, limit = 4000) {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(
      () => reject(new Error(`no ${name} within ${limit} ms`)),
      limit,
    );
    emitter.once(name, (...args) => {
      clearTimeout(timer);
      resolve(args);
    });
  });
}

export const TRANSPORTS = {
  "polling, then upgrade": {},
  "websocket only": { transports: ["websocket"] },
  "polling only": { transports: ["polling"] },
};
