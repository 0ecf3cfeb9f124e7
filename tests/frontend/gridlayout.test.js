import assert from "node:assert/strict";
import { test } from "node:test";
import { GridLayout } from "../../viz/explorer/js/gridlayout.js";
import { header, VIEW } from "./fixtures.js";

test("every head is found where it stands, and nothing between and beside", () => {
  for (const room of [100, 400, 2_000]) {
    for (const aspect of [null, 0.5, 1.5]) {
      for (const order of /** @type {const} */ (["layer", "special"])) {
        const layout = new GridLayout(header({ aspect, view: { ...VIEW, order } }), room);
        layout.order.forEach(([layer, head], index) => {
          const [left, top] = layout.corner(index);
          assert.deepEqual(layout.headAt(left, top), [layer, head]);
          assert.deepEqual(layout.headAt(left + layout.tileWidth - 1, top + layout.tileHeight - 1), [layer, head]);
          assert.ok(left + layout.tileWidth <= layout.width && top + layout.tileHeight <= layout.height);
        });
        assert.equal(layout.headAt(layout.width + 1, 30), null);
        assert.equal(layout.headAt(5, 30), null);
        assert.equal(layout.headAt(30, 5), null);
        assert.equal(layout.headAt(30, layout.height + 1), null);
      }
    }
  }
});

test("neighbours are those in the order of the grid, and end at its edges", () => {
  const order = /** @type {[number, number, number][]} */ ([[1, 2], [0, 0], [1, 0], [0, 1], [0, 2], [1, 1]].map(([layer, head]) => [layer, head, 0])); // biome-ignore format: one line
  const layout = new GridLayout(header({ order }), 400);
  assert.deepEqual(layout.beside([1, 2], 0, 1), [0, 0]);
  assert.deepEqual(layout.beside([1, 2], 1, 0), [0, 1]);
  assert.deepEqual(layout.beside([0, 2], -1, 0), [0, 0]);
  assert.equal(layout.beside([1, 2], 0, -1), null);
  assert.equal(layout.beside([0, 1], 0, -1), null); // not the last of the row before
  assert.equal(layout.beside([1, 0], 0, 1), null); // not the first of the next row
  assert.equal(layout.beside([0, 1], 1, 0), null);
});

test("tiles keep the photo's shape, and stay between too small and too large", () => {
  const upright = new GridLayout(header({ aspect: 0.5 }), 2_000);
  assert.deepEqual([upright.tileWidth, upright.tileHeight], [65, 130]);
  const lying = new GridLayout(header({ aspect: 2 }), 100);
  assert.deepEqual([lying.tileWidth, lying.tileHeight], [44, 22]);
  const text = new GridLayout(header(), 50);
  assert.deepEqual([text.tileWidth, text.tileHeight], [22, 22]);
});

test("captions have room below the tiles", () => {
  const [plain, captioned] = /** @type {const} */ (["layer", "special"]).map(
    (order) => new GridLayout(header({ view: { ...VIEW, order } }), 400),
  );
  assert.equal(captioned.height - plain.height, 2 * 14);
});

test("a deep model's rows stay in sight of each other", () => {
  const order = /** @type {[number, number, number][]} */ (Array.from({ length: 60 }, (_, i) => [i >> 1, i & 1, 0]));
  assert.ok(new GridLayout(header({ heads: 2, layers: 30, order }), 1_000).height <= 1_122);
});

test("the number of a row or column is that of its heads", () => {
  const layout = new GridLayout(header(), 400);
  const [x, y] = layout.corner(4); // layer 1, head 1
  assert.deepEqual(layout.lineAt(4, y + 3), [
    [1, 0],
    [1, 1],
    [1, 2],
  ]);
  assert.deepEqual(layout.lineAt(x + 3, 4), [
    [0, 1],
    [1, 1],
  ]);
  assert.deepEqual(layout.lineAt(4, 4), []);
  assert.deepEqual(layout.lineAt(x + 3, y + 3), []);
  const sorted = new GridLayout(header({ view: { ...VIEW, order: "special" } }), 400);
  assert.deepEqual(sorted.lineAt(4, y + 3), []); // there are no numbers
});

test("all heads up to one are a rectangle of layers and heads, and a run of another order", () => {
  const layout = new GridLayout(header(), 400);
  assert.deepEqual(
    layout.between([
      [1, 1],
      [0, 2],
    ]),
    [
      [0, 1],
      [0, 2],
      [1, 1],
      [1, 2],
    ],
  );
  assert.deepEqual(layout.between([[0, 1]]), [[0, 1]]);
  const row = layout.between([
    [0, 1],
    [1, 0],
    [1, 1],
    [1, 2],
  ]);
  assert.equal(row.length, 6);
  const order = /** @type {[number, number, number][]} */ ([[1, 2], [0, 0], [1, 0], [0, 1], [0, 2], [1, 1]].map(([layer, head]) => [layer, head, 0])); // biome-ignore format: one line
  const sorted = new GridLayout(header({ order, view: { ...VIEW, order: "special" } }), 400);
  assert.deepEqual(
    sorted.between([
      [0, 1],
      [0, 0],
    ]),
    [
      [0, 0],
      [1, 0],
      [0, 1],
    ],
  );
  assert.deepEqual(
    sorted.endOf(
      [0, 1],
      [
        [0, 0],
        [1, 0],
        [0, 1],
      ],
    ),
    [0, 0],
  );
});

test("the arrow keys with shift grow what is chosen from the head that it began with, and shrink it", () => {
  const layout = new GridLayout(header(), 400);
  /** @type {import("../../viz/explorer/js/types.js").Head} */
  const from = [0, 0];
  /** @type {import("../../viz/explorer/js/types.js").Head[]} */
  let heads = [];
  const found = [];
  for (const [down, across] of [
    [0, 1],
    [0, 1],
    [0, -1],
    [1, 0],
    [0, -1],
  ]) {
    const to = layout.beside(layout.endOf(from, heads), down, across);
    assert.ok(to);
    heads = layout.between([from, to]);
    found.push(heads.map(String).join(" "));
  }
  assert.deepEqual(found, ["0,0 0,1", "0,0 0,1 0,2", "0,0 0,1", "0,0 0,1 1,0 1,1", "0,0 1,0"]);
});
