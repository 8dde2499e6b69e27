// Connection state recovery.
import assert from "node:assert/strict";
import { test, describe } from "node:test";
import { client, event, TRANSPORTS, RECOVERY_URL } from "./help.mjs";

for (const [name, options] of Object.entries(TRANSPORTS)) {
  describe("recovery: " + name, () => {
    test("the same socket comes back and gets what it missed, once and in order", async () => {
      const room = "recovery " + name;
      const s = client(RECOVERY_URL, { ...options, reconnectionDelay: 400, reconnectionDelayMax: 400 });
      const other = client(RECOVERY_URL, { transports: ["websocket"] });
      await Promise.all([event(s, "auth"), event(other, "auth")]);
      await s.timeout(2000).emitWithAck("join", room);
      const id = s.id;
      const got = [];
      s.on("bc", (i) => got.push(i));

      for (let round = 0; round < 3; round++) {
        const before = event(s, "bc");
        other.emit("bcast", room, round * 10);
        await before;
        const gone = event(s, "disconnect");
        const back = event(s, "connect");
        if (round % 2 === 0) s.emit("drop");
        else s.io.engine.close();
        await gone;
        for (let i = 1; i < 9; i++) {
          if (i % 3 === 0) other.emit("bcast", room, round * 10 + i, Buffer.from([i]));
          else other.emit("bcast", room, round * 10 + i);
        }
        await other.timeout(2000).emitWithAck("message-with-ack", 1);
        await back;
        assert.equal(s.recovered, true);
        assert.equal(s.id, id);
        const last = event(s, "bc", 4000);
        other.emit("bcast", room, round * 10 + 9);
        await last;
        while (got.length < (round + 1) * 10) await event(s, "bc");
      }
      const want = [...Array(30).keys()];
      assert.deepEqual(got, want);
    });

    test("packets lost on the way are sent again", async () => {
      const s = client(RECOVERY_URL, options);
      await event(s, "auth");
      const got = [];
      s.on("message-back", (i) => got.push(i));
      // The answers race with the cut.
      for (let i = 0; i < 50; i++) s.emit("message", i);
      s.emit("drop");
      await event(s, "disconnect");
      await event(s, "connect");
      assert.equal(s.recovered, true);
      s.emit("message", 50);
      while (got.at(-1) !== 50) await event(s, "message-back");
      assert.deepEqual(got, [...got.keys()]);
    });

    test("a DISCONNECT is final", async () => {
      const s = client(RECOVERY_URL, options);
      await event(s, "auth");
      const id = s.id;
      s.disconnect();
      s.connect();
      await event(s, "connect");
      assert.ok(!s.recovered);
      assert.notEqual(s.id, id);
    });

    test("an unknown pid gives a new session", async () => {
      const s = client(RECOVERY_URL, { ...options, auth: { pid: "nobody", offset: "3" } });
      await event(s, "connect");
      assert.ok(!s.recovered);
    });
  });
}
