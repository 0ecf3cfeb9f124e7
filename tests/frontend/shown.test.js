import assert from "node:assert/strict";
import { test } from "node:test";
import { shownIn } from "../../viz/explorer/js/shown.js";
import { MatrixWeights } from "../../viz/explorer/js/weights.js";
import { header, VIEW } from "./fixtures.js";

/** @import { Arrays, State } from "../../viz/explorer/js/types.js" */

const HEADS = 6;
const COUNT = 4;
const MATRIX = Float32Array.from({ length: 16 }, (_, i) => i / 16);

/**
 * Layer 1, head 2 of a text, its second token pinned; every head gives one ordinary token its top.
 * @param {Partial<State>} changes
 */
function state(changes = {}) {
  const preview = Uint8Array.from({ length: HEADS * COUNT }, (_, i) => (i % COUNT === 1 ? 255 : 51));
  const tops = Float32Array.from({ length: HEADS }, (_, head) => (head + 1) / 8);
  const previewSpecial = Float32Array.from({ length: HEADS * 2 }, (_, i) => i / 16);
  return {
    header: header(),
    arrays: /** @type {Arrays} */ (/** @type {unknown} */ ({ preview, tops, previewSpecial })),
    view: VIEW,
    hover: { token: null, head: null },
    source: new MatrixWeights({ matrix: MATRIX }, COUNT),
    ...changes,
  };
}

test("the pinned token's row or column, or that of the token under the pointer", () => {
  assert.deepEqual([...shownIn(state()).weights], [...MATRIX.subarray(4, 8)]);
  const hovered = shownIn(state({ hover: { token: 2, head: null }, view: { ...VIEW, direction: "by" } }));
  assert.deepEqual(hovered.tokens, [2]);
  assert.deepEqual(
    [...hovered.weights],
    [2, 6, 10, 14].map((i) => i / 16),
  );
});

test("a head under the pointer is shown from what all heads give to the pinned token", () => {
  const { tokens, view, weights } = shownIn(state({ hover: { token: 2, head: [0, 1] }, view: { ...VIEW, query: 3 } }));
  assert.deepEqual(tokens, [1]); // the one that the server was asked for
  assert.deepEqual([view.layer, view.head, view.scope], [0, 1, "head"]);
  assert.deepEqual([...weights], [2 / 16, 0.25, Math.fround(0.2 * 0.25), 3 / 16]); // special tokens exactly
});

test("a head that is pinned, and not sent yet, is shown in the same way", () => {
  const { view, weights } = shownIn(state({ view: { ...VIEW, layer: 0, head: 0, direction: "by" } }));
  assert.deepEqual([view.layer, view.head, view.direction], [0, 0, "at"]);
  assert.equal(weights[1], 0.125);
});

test("one head after the mean of all, the same one, is not sent yet either", () => {
  const sent = header({ view: { ...VIEW, scope: "all" } });
  assert.equal(shownIn(state({ header: sent })).weights[1], 0.75);
});

test("until a mean is here, words and weights are of what was sent", () => {
  const { view, weights } = shownIn(state({ view: { ...VIEW, layer: 0, scope: "layer", reduction: "max" } }));
  assert.deepEqual([view.scope, view.reduction, view.layer, view.head], ["head", "mean", 1, 2]);
  assert.deepEqual([...weights], [...MATRIX.subarray(4, 8)]);
});

test("of several tokens the mean of their rows, or the sum of their columns", () => {
  const several = { ...VIEW, query: 1, queries: [1, 3] };
  const seen = shownIn(state({ view: several }));
  assert.deepEqual(seen.tokens, [1, 3]);
  assert.deepEqual(
    [...seen.weights],
    [4 + 12, 5 + 13, 6 + 14, 7 + 15].map((sum) => sum / 2 / 16),
  );
  const by = shownIn(state({ view: { ...several, direction: "by" } }));
  assert.deepEqual(
    [...by.weights],
    [1 + 3, 5 + 7, 9 + 11, 13 + 15].map((sum) => sum / 16),
  );
  const hovered = shownIn(state({ view: several, hover: { token: 2, head: null } }));
  assert.deepEqual([hovered.tokens, hovered.weights[0]], [[2], 8 / 16]);
});

test("the exact row that was sent, for as long as it is what is chosen", () => {
  const view = { ...VIEW, query: 1, queries: [1, 3] };
  const { arrays } = state();
  const sent = { header: header({ view }), arrays: { ...arrays, row: Float32Array.of(9, 9, 9, 9) } };
  assert.equal(shownIn(state({ ...sent, view })).weights[0], 9);
  assert.equal(shownIn(state({ ...sent, view: { ...view, queries: [0, 1] } })).weights[0], (0 + 4) / 2 / 16);
  assert.equal(shownIn(state({ ...sent, view, hover: { token: 2, head: null } })).weights[0], 8 / 16);
});

test("without a source there is the one row that was sent", () => {
  const { tokens, view, weights } = shownIn(
    state({
      source: null,
      arrays: { ...state().arrays, row: Float32Array.of(9, 9, 9, 9) },
      hover: { token: 2, head: null },
      view: { ...VIEW, direction: "by" },
    }),
  );
  assert.deepEqual([tokens, view.direction, weights[0]], [[1], "at", 9]);
});
