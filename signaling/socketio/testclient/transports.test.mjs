// Everything a client does, over each choice of transports.
import assert from "node:assert/strict";
import { test, describe } from "node:test";
import { client, event, TRANSPORTS, URL } from "./help.mjs";

for (const [name, options] of Object.entries(TRANSPORTS)) {
  describe(name, () => {
    test("connects and hears what it said", async () => {
      const s = client(URL, { ...options, auth: { token: "abc", n: 1 } });
      const auth = event(s, "auth");
      await event(s, "connect");
      assert.equal(s.recovered, undefined);
      assert.match(s.id, /^[\w-]{20}$/);
      assert.deepEqual(await auth, [{ token: "abc", n: 1 }]);
    });

    test("events, in order, with odd contents", async () => {
      const s = client(URL, options);
      await event(s, "connect");
      const values = ["", "ünïcode \u2028 \u{1f600}", 'quo"te\\', "\x1e\x00", 0, -1.5e10, null, [], {}, true];
      const got = [];
      const all = new Promise((resolve) =>
        s.on("message-back", (...args) => {
          got.push(args);
          if (got.length === 200) resolve();
        }),
      );
      for (let i = 0; i < 200; i++) s.emit("message", i, values[i % values.length]);
      await all;
      got.forEach((args, i) => assert.deepEqual(args, [i, values[i % values.length]]));
    });

    test("order is kept across the upgrade", async () => {
      const s = client(URL, options);
      const got = [];
      const all = new Promise((resolve) =>
        s.on("message-back", (i) => {
          got.push(i);
          if (got.length === 300) resolve();
        }),
      );
      for (let i = 0; i < 300; i++) {
        s.emit("message", i);
        if (i % 10 === 0) await new Promise((r) => setTimeout(r, 2));
      }
      await all;
      assert.deepEqual(got, [...got.keys()]);
      assert.equal(s.io.engine.transport.name, options.transports?.[0] === "polling" ? "polling" : "websocket");
    });

    test("binary both ways, nested", async () => {
      const s = client(URL, options);
      const a = Buffer.from([0, 1, 254, 255]);
      const b = Buffer.alloc(50_000, 7);
      const back = event(s, "message-back");
      s.emit("message", a, { deep: [b, "x"] }, "plain");
      const [x, y, z] = await back;
      assert.deepEqual(Buffer.from(x), a);
      assert.deepEqual(Buffer.from(y.deep[0]), b);
      assert.equal(y.deep[1], "x");
      assert.equal(z, "plain");
    });

    test("acknowledgements both ways, text and binary", async () => {
      const s = client(URL, options);
      assert.deepEqual(await s.timeout(2000).emitWithAck("message-with-ack", { a: [1] }), { a: [1] });
      const bytes = await s.timeout(2000).emitWithAck("message-with-ack", Buffer.from([9, 8]));
      assert.deepEqual(Buffer.from(bytes), Buffer.from([9, 8]));

      s.on("question", (answer) => answer("forty", 2));
      const was = event(s, "answer-was");
      s.emit("ask-me");
      assert.deepEqual(await was, ["forty", 2]);

      s.off("question").on("question", (answer) => answer(Buffer.from([1])));
      const binary = event(s, "answer-was");
      s.emit("ask-me");
      assert.deepEqual(Buffer.from((await binary)[0]), Buffer.from([1]));
    });

    test("an event without an answer times out", async () => {
      const s = client(URL, options);
      await assert.rejects(s.timeout(150).emitWithAck("nobody-answers"), /timed out/);
    });

    test("rooms", async () => {
      const [a, b, c] = [client(URL, options), client(URL, options), client(URL, options)];
      await Promise.all([a, b].map((s) => s.timeout(2000).emitWithAck("join", "room-" + name)));
      await c.timeout(2000).emitWithAck("join", "elsewhere");
      let stray = 0;
      c.on("bc", () => stray++);
      const heard = [event(a, "bc"), event(b, "bc")];
      a.emit("bcast", "room-" + name, "hi", Buffer.from([5]));
      for (const args of await Promise.all(heard)) {
        assert.equal(args[0], "hi");
        assert.deepEqual(Buffer.from(args[1]), Buffer.from([5]));
      }
      await c.timeout(2000).emitWithAck("message-with-ack", 1); // what was sent to c is there now
      assert.equal(stray, 0);
    });

    test("namespaces share one connection", async () => {
      const main = client(URL, options);
      const custom = main.io.socket("/custom", {});
      const auth = event(custom, "auth");
      custom.connect();
      assert.deepEqual(await auth, [{}]);
      assert.equal(custom.io, main.io);
      custom.disconnect();
      assert.equal(await main.timeout(2000).emitWithAck("message-with-ack", "still"), "still");
    });

    test("refused with data", async () => {
      const s = client(URL + "/locked", options);
      const [err] = await event(s, "connect_error");
      assert.equal(err.message, "not allowed");
      assert.deepEqual(err.data, { code: 401 });
      const t = client(URL + "/nowhere", options);
      const [wrong] = await event(t, "connect_error");
      assert.equal(wrong.message, "Invalid namespace");
    });

    test("the server disconnects, and the client stays away", async () => {
      const s = client(URL, options);
      await event(s, "connect");
      const gone = event(s, "disconnect");
      s.emit("bye");
      assert.equal((await gone)[0], "io server disconnect");
      assert.equal(s.active, false);
    });

    test("the client disconnects and connects again with a new id", async () => {
      const s = client(URL, options);
      await event(s, "connect");
      const id = s.id;
      const gone = event(s, "disconnect");
      s.disconnect();
      assert.equal((await gone)[0], "io client disconnect");
      s.connect();
      await event(s, "connect");
      assert.notEqual(s.id, id);
    });

    test("a cut transport comes back, not recovered", async () => {
      const s = client(URL, options);
      await event(s, "connect");
      const id = s.id;
      const gone = event(s, "disconnect");
      s.emit("drop");
      assert.match((await gone)[0], /^transport/);
      await event(s, "connect");
      assert.ok(!s.recovered);
      assert.notEqual(s.id, id);
    });

    test("lives through many heartbeats", async () => {
      const s = client(URL, options);
      await event(s, "connect");
      let lost = null;
      s.on("disconnect", (reason) => (lost = reason));
      await new Promise((r) => setTimeout(r, 1500));
      assert.equal(lost, null);
      assert.equal(await s.timeout(2000).emitWithAck("message-with-ack", "alive"), "alive");
    });
  });
}
