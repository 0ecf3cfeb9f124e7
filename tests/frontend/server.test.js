import assert from "node:assert/strict";
import { test } from "node:test";
import { Server } from "../../viz/explorer/js/server.js";
import { header, VIEW } from "./fixtures.js";

/** A server that has received a header, what it has been told since, and a clock. */
function connected() {
  const clock = { now: 100_000 };
  /** @type {[string, any][]} */
  const told = [];
  const server = new Server(() => clock.now);
  /** @type {import("../../viz/explorer/js/types.js").Tell} */
  const tell = (name, value) => told.push([name, value]);
  assert.equal(server.receive(header(), tell), VIEW);
  server.painted();
  return { server, clock, told, tell };
}

test("a pinned view is told once, with the recording that is here", () => {
  const { server, told, clock } = connected();
  server.pin(VIEW); // nothing new
  assert.deepEqual(told, []);
  const view = { ...VIEW, query: 3 };
  server.pin(view);
  server.pin({ ...view });
  assert.deepEqual(told, [["view", { ...view, of: "a recording", has: "a recording", at: clock.now }]]);
});

test("while the server works it is told nothing, and then the newest", () => {
  const { server, told, tell } = connected();
  const [first, second, third] = [0, 2, 3].map((query) => ({ ...VIEW, query }));
  server.pin(first);
  server.pin(second);
  server.pin(third);
  assert.equal(told.length, 1);
  assert.deepEqual(server.receive(header({ view: first }), tell), third); // what is pinned stays on the page
  assert.equal(told.length, 1); // it is not painted yet
  server.painted();
  assert.equal(told.length, 2);
  assert.equal(told[1][1].query, 3);
  assert.deepEqual(server.receive(header({ view: third }), tell), third);
  server.painted();
  assert.equal(told.length, 2);
  assert.equal(server.pinned, null);
});

test("an answer that does not come is asked for again with the next pin", () => {
  const { server, told, clock } = connected();
  server.pin({ ...VIEW, query: 0 });
  clock.now += 3_001;
  server.pin({ ...VIEW, query: 2 });
  assert.equal(told.length, 2);
});

test("a slow answer to an earlier view does not take the newest from the page; it is asked for then", () => {
  const { server, told, clock, tell } = connected();
  const [first, second] = [2, 3].map((query) => ({ ...VIEW, query }));
  server.pin(first);
  server.pin(second);
  clock.now += 60_000; // the server has been busy with another visitor
  assert.deepEqual(server.receive(header({ view: first }), tell), second);
  server.painted();
  assert.deepEqual([told.length, told[1][1].query], [2, 3]);
});

test("where the answer to a view is lost, it is asked for again with what the server sends next", () => {
  const { server, told, clock, tell } = connected();
  server.pin({ ...VIEW, query: 3 });
  for (const [wait, asked] of [
    [2_999, 1],
    [1, 2],
  ]) {
    clock.now += wait;
    server.receive(header(), tell);
    server.painted();
    assert.equal(told.length, asked);
  }
  clock.now += 27_000; // but not for ever: the server may have refused it
  assert.deepEqual(server.receive(header(), tell), VIEW);
});

test("long after it was asked for the server's view wins, and at once with another recording", () => {
  for (const [wait, id, wins] of /** @type {const} */ ([
    [29_999, "a recording", false],
    [30_000, "a recording", true],
    [0, "another", true],
  ])) {
    const { server, clock, tell } = connected();
    const pinned = { ...VIEW, query: 3 };
    server.pin(pinned);
    clock.now += wait;
    const view = { ...VIEW, query: 2 };
    assert.deepEqual(server.receive(header({ id, view }), tell), wins ? view : pinned);
  }
});

test("what was left out is asked for a little later, unless more is pinned", (context) => {
  context.mock.timers.enable({ apis: ["setTimeout"] });
  const { server, told, tell } = connected();
  server.receive(header({ more: true }), tell);
  server.painted();
  assert.deepEqual(told, []);
  context.mock.timers.tick(150);
  assert.deepEqual(told, [["more", "a recording"]]);
  server.pin({ ...VIEW, query: 3 });
  server.receive(header({ more: true }), tell);
  server.painted();
  context.mock.timers.tick(150);
  assert.deepEqual([told.length, told[1][0]], [2, "view"]);
});
