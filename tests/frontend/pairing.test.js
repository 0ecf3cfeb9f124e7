import assert from "node:assert/strict";
import { test } from "node:test";
import { scaleOf, whatOf } from "../../viz/explorer/js/compared.js";
import { beyondScale, lessWords, placeNames, placeNumbers, ranked } from "../../viz/explorer/js/lesswords.js";
import { LESS, PairChoice } from "../../viz/explorer/js/pairchoice.js";
import { Pairing } from "../../viz/explorer/js/pairing.js";
import { MatrixWeights } from "../../viz/explorer/js/weights.js";
import { header, WORDING } from "./fixtures.js";

/** @import { PairFields, PairHeader } from "../../viz/explorer/js/types.js" */

// Places: 0 both have; 1 only A; 2 only B; 3 is two positions of A and one of B; 4 is half of A's last and half of B's,
// 5 the rest of A's, 6 the rest of B's.
const PAIRING = new Pairing(
  {
    placeA: Int32Array.of(0, 1, 3, 3, 4, 5),
    positionA: Int32Array.of(0, 1, 2, 3, 4, 4),
    shareA: Float32Array.of(1, 1, 1, 1, 0.25, 0.75),
    placeB: Int32Array.of(0, 2, 3, 4, 6),
    positionB: Int32Array.of(0, 1, 2, 3, 3),
    shareB: Float32Array.of(1, 1, 1, 0.5, 0.5),
    mainA: Int32Array.of(0, 1, 3, 3, 4),
    mainB: Int32Array.of(0, 2, 3, 4),
    partnerA: Int32Array.of(0, -1, 2, 2, 3),
    partnerB: Int32Array.of(0, -1, 2, 4),
  },
  7,
);
const A = [
  [0.5, 0.25, 0.125, 0.125, 0],
  [1, 0, 0, 0, 0],
  [0, 0.25, 0.25, 0, 0.5],
  [0, 0.75, 0, 0.25, 0],
  [0.25, 0.25, 0.25, 0.125, 0.125],
];
const B = [
  [0.25, 0.25, 0.25, 0.25],
  [0, 1, 0, 0],
  [0.5, 0, 0.5, 0],
  [0, 0.5, 0, 0.5],
];
const SOURCES = [A, B].map((rows) => new MatrixWeights({ matrix: Float32Array.from(rows.flat()) }, rows.length));
/** @type {PairFields} */
const VIEW = { query: 0, query2: null, direction: "at", edges: "crisp", strength: 85, matrix: false };
/** @type {PairHeader} */
const EMPTY = { id: "", view: VIEW, sides: [], names: [], special: [], sent: false, matrices: [], matrixNote: "" }; // biome-ignore format: one line

/** @param {Partial<PairFields>} change @param {{side: number, token: number}} [hover] */
const choice = (change = {}, hover) => new PairChoice(PAIRING, { ...VIEW, ...change }, hover);

test("a token's partner is on the other side, or there is none", () => {
  assert.deepEqual(PAIRING.tokens(0, 4), [4, 3]);
  assert.deepEqual(PAIRING.tokens(1, 2), [2, 2]);
  assert.deepEqual(PAIRING.tokens(0, 1), [1, -1]);
  assert.deepEqual(PAIRING.tokens(1, 1), [-1, 1]);
  assert.deepEqual([...PAIRING.at[0]], [0, 1, -1, 2, 4, 4, -1]);
  assert.deepEqual(
    [0, 1, 2, 3, 4, 5, 6].map((place) => PAIRING.paired(place)),
    [true, false, false, true, true, false, false],
  );
});

test("what both look at: sums over keys, the mean over queries, and what has no partner beside zero", () => {
  const found = PAIRING.atPlace(SOURCES, "at", 3);
  assert.deepEqual([...(found?.a ?? [])], [0, 0.5, 0, 0.25, 0.0625, 0.1875, 0]);
  assert.deepEqual([...(found?.b ?? [])], [0.5, 0, 0, 0.5, 0, 0, 0]);
  assert.deepEqual([...(found?.less ?? [])], [-0.5, 0.5, 0, -0.25, 0.0625, 0.1875, 0]);
  assert.equal(PAIRING.atPlace(SOURCES, "at", 1), null);
});

test("who looks at both: sums over the keys of a place, the mean over queries; lone queries have no difference", () => {
  const found = PAIRING.atPlace(SOURCES, "by", 3);
  assert.deepEqual([...(found?.a ?? [])], [0.25, 0, 0, 0.25, 0.375, 0.375, 0]);
  assert.deepEqual([...(found?.b ?? [])], [0.25, 0, 0, 0.5, 0, 0, 0]);
  assert.deepEqual([...(found?.less ?? [])], [0, Number.NaN, Number.NaN, -0.25, 0.375, Number.NaN, Number.NaN]);
  const alone = PAIRING.atPlace(SOURCES, "by", 2);
  assert.deepEqual([alone?.a[0], alone?.b[0], alone?.less[0]], [0, 0.25, -0.25]);
});

test("one query for both: the partner is pinned too", () => {
  assert.deepEqual(choice({ query: 4 }).pinned, [4, 3]);
  assert.deepEqual(choice({ query: null, query2: 3 }).pinned, [4, 3]);
  assert.deepEqual(choice({ query: null, query2: 1 }).pinned, [-1, 1]);
  assert.deepEqual(choice().pinning(0, 1), { query: 1, query2: null });
  assert.deepEqual(choice().pinning(1, 3), { query: 4, query2: null });
  assert.deepEqual(choice().pinning(1, 1), { query: null, query2: 1 }); // A has none
  assert.deepEqual(choice().pinning(LESS, 5), { query: 4, query2: null });
  assert.deepEqual(choice().pinning(LESS, 2), { query: null, query2: 1 });
});

test("what is under the pointer is shown of both, and marked in both", () => {
  assert.deepEqual(choice({ query: 4 }).shown, { tokens: [4, 3], place: 4, under: null });
  assert.deepEqual(choice({ query: null, query2: 1 }).shown, { tokens: [-1, 1], place: 2, under: null });
  assert.deepEqual(choice({}, { side: 1, token: 2 }).shown, { tokens: [2, 2], place: 3, under: [2, 2] });
  assert.deepEqual(choice({}, { side: 1, token: 1 }).shown, { tokens: [-1, 1], place: 2, under: [-1, 1] });
  assert.deepEqual(choice({}, { side: LESS, token: 5 }).shown, { tokens: [4, -1], place: 5, under: [4, -1] });
});

test("a query for each: a press moves one, the pointer marks both and shows one", () => {
  const apart = { query: 3, query2: 0 };
  assert.deepEqual(choice(apart).pinned, [3, 0]);
  assert.deepEqual(choice(apart).pinning(0, 4), { query: 4 });
  assert.deepEqual(choice(apart).pinning(1, 2), { query2: 2 });
  assert.deepEqual(choice(apart).pinning(LESS, 0), { query: 0, query2: 0 });
  assert.deepEqual(choice(apart, { side: 0, token: 4 }).shown, { tokens: [4, 0], place: -1, under: [4, 3] });
  const found = PAIRING.apart([Float32Array.from(A[3]), Float32Array.from(B[0])], "at");
  assert.deepEqual([...found.less], [-0.25, 0.75, -0.25, 0, -0.125, 0, -0.125]);
});

test("both queries become one again, A's, and one becomes two", () => {
  assert.deepEqual(choice({ query: 4 }).parted(), { query: 4, query2: 3 });
  assert.deepEqual(choice({ query: 1 }).parted(), { query: 1, query2: 0 }); // any, where there is no partner
  assert.deepEqual(choice({ query: 4, query2: 0 }).parted(), { query: 4, query2: null });
});

test("a part of two patches is called as both are, and in few words", () => {
  const [a, b] = [5, 4].map((count) =>
    header({
      grid: [1, count - 1],
      prefix: 1,
      tokens: ["[CLS]", "(0, 0)", "(0, 1)", "(0, 2)", "(0, 3)"].slice(0, count),
    }),
  );
  /** @type {PairHeader} */
  const pair = { ...EMPTY, sides: [a, b], names: [0, 1, 2, 3, 4, 5, 6].map((part) => `part ${part}`) };
  assert.deepEqual(placeNames(pair, PAIRING), [
    "[CLS]",
    "(0, 0)",
    "(0, 0)",
    "(0, 1)",
    "(0, 3) | (0, 2)",
    "(0, 3)",
    "(0, 2)",
  ]);
  const texts = { ...pair, sides: [header(), header()] };
  assert.equal(placeNames(texts, PAIRING)[4], "\u2068part 4\u2069");
  const twice = placeNames({ ...texts, names: ["a", "fox", "fox", "b", "fox", "c", "d"] }, PAIRING);
  assert.deepEqual(twice.slice(1, 5), ["\u2068fox\u2069@1", "\u2068fox\u2069@1", "\u2068b\u2069", "\u2068fox\u2069@4"]);
  const of = { names: ["patch (0, 3)", "patch (0, 2)"], patches: ["(0, 3)", "(0, 2)"], apart: false, difference: true };
  assert.equal(whatOf({ ...of, direction: "at" }), "from (0, 3) | (0, 2)");
  assert.equal(whatOf({ ...of, direction: "by" }), "to (0, 3) | (0, 2)");
  assert.equal(whatOf({ ...of, names: ["[CLS]", "[CLS]"], direction: "at" }), "what [CLS] looks at");
});

test("A - B in words: ordinary tokens of both signs, special ones in brackets, and which are beyond the scale", () => {
  const of = { names: ["[CLS]", "This", "is", "a", "[SEP]"], special: [1, 0, 0, 0, 1], wording: WORDING };
  const less = ranked(Float32Array.of(-0.875, 0.625, 0.125, -0.25, 0.0625), of.special);
  assert.equal(lessWords(of, less, 3), "more in A: This +63 pc, is +13 pc; more in B: a −25 pc (and [CLS] −88 pc)");
  assert.equal(lessWords(of, less, 1), "more in A: This +63 pc; more in B: a −25 pc (and [CLS] −88 pc)");
  assert.equal(beyondScale(of, less), "Special tokens do not set the scale; beyond it: [CLS] −88 pc");
  const none = ranked(Float32Array.of(-0.5, 0, 0, 0, Number.NaN), of.special);
  assert.equal(lessWords(of, none, 3), "[CLS] −50 pc");
  assert.equal(beyondScale(of, none), ""); // it sets the scale
  assert.equal(lessWords(of, ranked(new Float32Array(5), of.special), 3), "no difference");
  const little = ranked(Float32Array.of(-0.0625, 0.625, 0, 0, 0), of.special);
  assert.equal(lessWords(of, little, 3), "more in A: This +63 pc");
  assert.equal(beyondScale(of, little), "");
});

test("what one side does not have is no nought", () => {
  const found = PAIRING.atPlace(SOURCES, "at", 3);
  assert(found);
  assert.deepEqual(placeNumbers(WORDING, PAIRING, found, 1), ["A 50 pc", "not in B", "+50 pc"]);
  assert.deepEqual(placeNumbers(WORDING, PAIRING, found, 2), ["not in A", "B none", "none"]);
  assert.deepEqual(placeNumbers(WORDING, PAIRING, found, 3), ["A 25 pc", "B 50 pc", "−25 pc"]);
});

test("both sides have one scale, whatever has no partner on one of them", () => {
  const sides = [header({ special: [1, 0, 0] }), header({ special: [0, 1] })];
  const own = Float32Array.of(0.5, 0.25, 0);
  assert.deepEqual(scaleOf([own, Float32Array.of(0.125, 0.75)], sides), { limit: 0.25, most: 0.75 });
  assert.deepEqual(scaleOf([own, new Float32Array(2)], sides), { limit: 0.25, most: 0.5 });
  assert.deepEqual(scaleOf([new Float32Array(3), Float32Array.of(0, 0.75)], sides), { limit: 0.75, most: 0.75 });
});
