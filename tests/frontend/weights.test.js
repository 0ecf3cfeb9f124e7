import assert from "node:assert/strict";
import { test } from "node:test";
import {
  between,
  colourLimit,
  column,
  HeadWeights,
  MatrixWeights,
  row,
  together,
} from "../../viz/explorer/js/weights.js";

const COUNT = 3;
const WIDTH = 2;
const query = Float32Array.of(1, 0, 0.5, -1, 2, 1);
const key = Float32Array.of(0.5, 1, -1, 0, 1, 2);

/**
 * softmax(q k^T * scale) written out: [query][key].
 * @param {{scale: number, softcap: number | null, causal: boolean, mask?: Float32Array}} options
 */
function attention({ scale, softcap, causal, mask }) {
  const scores = Array.from({ length: COUNT }, (_, i) =>
    Array.from({ length: COUNT }, (_, j) => {
      const [first, second] = [query[WIDTH * i] * key[WIDTH * j], query[WIDTH * i + 1] * key[WIDTH * j + 1]];
      const score = (first + second) * scale;
      const capped = softcap === null ? score : softcap * Math.tanh(score / softcap);
      if (causal && j > i) return Number.NEGATIVE_INFINITY;
      return capped + (mask ? mask[mask.length === COUNT ? j : i * COUNT + j] : 0);
    }),
  );
  const sums = scores.map((line) => line.reduce((sum, score) => sum + Math.exp(score), 0));
  const weights = scores.map((line, i) => line.map((score) => (sums[i] ? Math.exp(score) / sums[i] : 0)));
  return { lse: Float32Array.from(sums, Math.log), weights };
}

/**
 * @param {ArrayLike<number>} actual
 * @param {number[]} expected
 */
function close(actual, expected) {
  assert.equal(actual.length, expected.length);
  expected.forEach((value, i) => {
    assert.ok(Math.abs(actual[i] - value) < 1e-6, `${actual[i]} is not ${value}`);
  });
}

const CASES = {
  plain: { scale: 0.5, softcap: null, causal: false },
  causal: { scale: 0.5, softcap: null, causal: true },
  softcap: { scale: 2, softcap: 1.5, causal: false },
  "mask of keys": { scale: 0.5, softcap: null, causal: false, mask: Float32Array.of(0, -Infinity, 1) },
  "mask of pairs": {
    scale: 0.5,
    softcap: 3,
    causal: true,
    mask: Float32Array.of(0, 1, 2, -1, -Infinity, 1, 0.5, 0, -Infinity),
  },
};

for (const [name, options] of Object.entries(CASES)) {
  test(`rows and columns of a head: ${name}`, () => {
    const { lse, weights } = attention(options);
    const source = new HeadWeights({ query, key, lse, mask: "mask" in options ? options.mask : undefined }, options);
    for (let token = 0; token < COUNT; token++) {
      close(row(source, token), weights[token]);
      close(
        column(source, token),
        weights.map((line) => line[token]),
      );
    }
  });
}

test("a query that may look at nothing looks at nothing", () => {
  const lse = Float32Array.of(0, Number.NEGATIVE_INFINITY, 0);
  const mask = new Float32Array(9).fill(Number.NEGATIVE_INFINITY);
  const source = new HeadWeights({ query, key, lse, mask }, CASES.plain);
  assert.deepEqual([...row(source, 1)], [0, 0, 0]);
});

test("a query that looks at nothing is no part of the mean", () => {
  const lse = Float32Array.of(0, Number.NEGATIVE_INFINITY, 0);
  const source = new HeadWeights(
    { lse, mask: Float32Array.from([0.5, 0.5, 0, 9, 9, 9, 0, 0.25, 0.75], Math.log) },
    CASES.plain,
  );
  close(together(source, [0, 1, 2], "at"), [0.25, 0.375, 0.375]);
  close(together(source, [0, 1], "at"), [0.5, 0.5, 0]);
  close(together(source, [1], "at"), [0, 0, 0]);
  close(together(source, [0, 1], "by"), [1, 0, 0.25]);
});

test("scores alone are the mask", () => {
  const mask = Float32Array.of(0, Math.log(3), Math.log(2), 0);
  const lse = Float32Array.of(Math.log(4), Math.log(3));
  const source = new HeadWeights({ lse, mask }, CASES.plain);
  close(row(source, 0), [1 / 4, 3 / 4]);
  close(row(source, 1), [2 / 3, 1 / 3]);
});

test("a merged matrix: exact, or in levels of each row's maximum", () => {
  close(row(new MatrixWeights({ matrix: Float32Array.of(0.1, 0.2, 0.3, 0.4) }, 2), 1), [0.3, 0.4]);
  const levels = new MatrixWeights({ matrix: Uint8Array.of(255, 51, 0, 255), rowMax: Float32Array.of(0.5, 0.25) }, 2);
  close(row(levels, 0), [0.5, 0.1]);
  close(column(levels, 1), [0.1, 0.25]);
});

test("between words: the sum over the keys' tokens, the mean over the query's", () => {
  const pieces = new MatrixWeights({ matrix: Float32Array.of(1, 0, 0, 0.5, 0.25, 0.25, 0.125, 0.375, 0.5) }, 3);
  const words = between(pieces, [[0], [1, 2]]);
  assert.equal(words.count, 2);
  close(row(words, 0), [1, 0]);
  close(row(words, 1), [0.3125, 0.6875]);
  close(column(words, 1), [0, 0.6875]);
  assert.equal(between(pieces, null), pieces);
});

test("special tokens do not set the colour scale, unless there are no others", () => {
  assert.equal(colourLimit([0.75, 0.25, 0.125], [1, 0, 0]), 0.25);
  assert.equal(colourLimit([0.75, 0, 0], [1, 0, 0]), 0.75);
  assert.equal(colourLimit([0, 0, 0], [1, 0, 0]), 1);
});
