import assert from "node:assert/strict";
import { test } from "node:test";
import {
  after,
  bounded,
  endOf,
  headsAfter,
  headsFrom,
  MOST,
  MOST_HEADS,
  MOST_RUNS,
  normal,
} from "../../viz/explorer/js/selection.js";
import { header, VIEW } from "./fixtures.js";

/** @import { Head } from "../../viz/explorer/js/types.js" */

const TEXT = header({ tokens: Array(9).fill("a"), wordIds: [-1, 0, 1, 1, 1, 2, 1, 3, -1] });
const PHOTO = header({ prefix: 2, grid: [4, 5] });
const ONE = { query: 3, queries: [] };
const SEVERAL = { query: 3, queries: [3, 4, 5] };

/**
 * @param {{query: number, queries: number[]}} view
 * @param {string} event
 * @param {number} token
 * @param {{from?: number, adds?: number[], places?: typeof TEXT}} options
 */
function done(view, event, token, { from, adds = [], places = TEXT } = {}) {
  const { query, queries } = after(view, places, event, { token, from, adds });
  return [query, queries];
}

test("a press takes one token, with shift all up to it, with Ctrl one more or less", () => {
  assert.deepEqual(done(SEVERAL, "pin", 4), [4, []]);
  assert.deepEqual(done(SEVERAL, "move", 4), [4, []]);
  assert.deepEqual(done(ONE, "extend", 5), [3, [3, 4, 5]]);
  assert.deepEqual(done(SEVERAL, "extend", 1), [3, [1, 2, 3]]); // from the query on, whatever was chosen
  assert.deepEqual(done(ONE, "extend", 3), [3, []]);
  assert.deepEqual(done(ONE, "toggle", 7), [7, [3, 7]]);
  assert.deepEqual(done(SEVERAL, "toggle", 4), [3, [3, 5]]);
  assert.deepEqual(done(SEVERAL, "toggle", 3), [5, [4, 5]]); // the query itself
  assert.deepEqual(done({ query: 3, queries: [3, 4] }, "toggle", 3), [4, []]);
  assert.deepEqual(done(ONE, "toggle", 3), [3, []]); // something is always chosen
});

test("a drag takes all between its ends, with Ctrl besides what there was", () => {
  assert.deepEqual(done(ONE, "drag", 6, { from: 8 }), [8, [6, 7, 8]]);
  assert.deepEqual(done(ONE, "drag", 7, { from: 8, adds: [1, 7] }), [8, [1, 7, 8]]);
});

test("a word is all tokens of it, wherever they stand", () => {
  assert.deepEqual(done(ONE, "word", 4), [4, [2, 3, 4, 6]]);
  assert.deepEqual(done(ONE, "word", 1), [1, []]);
  assert.deepEqual(done(ONE, "word", 8), [8, []]); // of no word
});

test("of a photo the rectangle between two patches, and of what stands before it a run", () => {
  const places = PHOTO; // patches begin at 2, five in a row
  assert.deepEqual(done({ query: 4, queries: [] }, "extend", 13, { places }), [4, [3, 4, 8, 9, 13, 14]]);
  assert.deepEqual(done(ONE, "drag", 2, { from: 8, places }), [8, [2, 3, 7, 8]]);
  assert.deepEqual(done({ query: 0, queries: [] }, "extend", 2, { places }), [0, [0, 1, 2]]);
});

test("the arrow keys move the end that is not the query", () => {
  assert.equal(endOf(ONE, TEXT), 3);
  assert.equal(endOf(SEVERAL, TEXT), 5);
  assert.equal(endOf({ query: 5, queries: [3, 4, 5] }, TEXT), 3);
  for (const [query, end] of [
    [3, 14],
    [4, 13],
    [13, 4],
    [14, 3],
  ]) {
    assert.equal(endOf({ query, queries: [3, 4, 8, 9, 13, 14] }, PHOTO), end);
  }
  assert.equal(endOf({ query: 0, queries: [0, 1, 2] }, PHOTO), 2);
});

test("no more than may be, and the query among them", () => {
  const all = Array.from({ length: 3000 }, (_, token) => token);
  assert.deepEqual(bounded(0, all).queries, all.slice(0, MOST));
  assert.deepEqual(bounded(2500, all).queries, all.slice(2500 - MOST + 1, 2501));
  const odd = all.filter((token) => token % 2);
  assert.deepEqual(bounded(1, odd).queries, odd.slice(0, MOST_RUNS));
  const { queries } = bounded(2999, odd);
  assert.deepEqual([queries.length, queries.at(-1)], [MOST_RUNS, 2999]);
});

test("heads alone, with the ones before, or without them", () => {
  /** @type {Head[]} */
  const row = [0, 1, 2].map((head) => [0, head]);
  const chosen = normal({ ...VIEW, ...headsAfter(VIEW, true, [[0, 1]]) });
  assert.deepEqual(
    [chosen.scope, chosen.heads, chosen.layer, chosen.head],
    [
      "heads",
      [
        [0, 1],
        [1, 2],
      ],
      0,
      1,
    ],
  );
  const back = normal({ ...chosen, ...headsAfter(chosen, true, [[0, 1]]) });
  assert.deepEqual([back.scope, back.heads, back.layer, back.head], ["head", [], 1, 2]);
  assert.deepEqual(headsAfter(chosen, false, row).heads, row);
  assert.deepEqual(headsAfter(chosen, true, row).heads, [...row, [1, 2]]);
  assert.deepEqual(headsAfter({ ...VIEW, layer: 0 }, true, [[0, 2]]).heads, [[0, 2]]); // something is always chosen
  const layer = { ...VIEW, scope: /** @type {const} */ ("layer") };
  assert.equal(normal({ ...layer, ...headsAfter(layer, true, [[0, 1]]) }).scope, "head");
});

test("a view without what it chose is of one token, and of one head", () => {
  const several = {
    ...VIEW,
    queries: [1, 2],
    scope: /** @type {const} */ ("heads"),
    heads: /** @type {Head[]} */ ([
      [0, 0],
      [1, 2],
    ]),
  };
  assert.deepEqual(normal(several), several);
  assert.deepEqual(normal({ ...several, query: 3 }).queries, []);
  const moved = normal({ ...several, head: 0, reduction: "max" });
  assert.deepEqual([moved.scope, moved.reduction, moved.heads], ["head", "mean", []]);
  assert.deepEqual(normal({ ...several, scope: "layer" }).heads, []);
});

test("heads up to there, as many as may be, and the one that it began with among them", () => {
  const some = headsFrom(VIEW, [
    [1, 2],
    [0, 1],
  ]);
  assert.deepEqual(some, {
    layer: 1,
    head: 2,
    scope: "heads",
    heads: [
      [0, 1],
      [1, 2],
    ],
  });
  const all = Array.from({ length: 400 }, (_, head) => /** @type {Head} */ ([1, head]));
  assert.deepEqual(headsFrom(VIEW, all).heads, all.slice(0, MOST_HEADS));
  assert.deepEqual(headsFrom({ ...VIEW, head: 300 }, all).heads?.at(-1), [1, 300]);
});
