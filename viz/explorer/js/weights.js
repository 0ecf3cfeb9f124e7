// Rows and columns of a head's weights, computed when the pointer asks for them.

/** @import { Arrays, Header, Weights } from "./types.js" */

/**
 * One head: softmax(q k^T * scale), from its queries and keys and each row's log-sum-exp; or from scores alone, which
 * are then the mask.
 * @implements {Weights}
 */
export class HeadWeights {
  /**
   * @param {Pick<Arrays, "query" | "key" | "mask"> & {lse: Float32Array}} arrays
   * @param {Pick<Header, "scale" | "softcap" | "causal">} header
   */
  constructor({ query = new Float32Array(), key = query, lse, mask }, { scale, softcap, causal }) {
    this.query = query; // [token, d_head]
    this.key = key; // [token, d_head]
    this.lse = lse; // [token]
    this.mask = mask; // [query or 1, key], added to the scores; undefined where there is none
    this.count = lse.length;
    this.width = query.length / lse.length;
    this.scale = scale;
    this.softcap = softcap;
    this.causal = causal;
  }

  /**
   * @param {number} row
   * @param {number} column
   */
  weight(row, column) {
    if (this.causal && column > row) return 0;
    if (this.lse[row] === -Infinity) return 0; // a query that may look at nothing
    const { width, query, key } = this;
    let sum = 0;
    for (let i = row * width, j = column * width, end = i + width; i < end; i++, j++) sum += query[i] * key[j];
    const score = this.softcap ? this.softcap * Math.tanh((sum * this.scale) / this.softcap) : sum * this.scale;
    return Math.exp(score + this.masked(row, column) - this.lse[row]);
  }

  /**
   * @param {number} row
   * @param {number} column
   */
  masked(row, column) {
    if (this.mask === undefined) return 0;
    const sameForAll = this.mask.length === this.count;
    return this.mask[(sameForAll ? 0 : row * this.count) + column];
  }
}

/**
 * Weights between words: to one the sum over its tokens, from one the mean over them (Clark et al. 2019, section 4.1).
 * @implements {Weights}
 */
class WordWeights {
  /**
   * @param {Weights} pieces between tokens
   * @param {number[][]} groups the tokens of each word
   */
  constructor(pieces, groups) {
    this.pieces = pieces;
    this.groups = groups;
    this.count = groups.length;
  }

  /**
   * @param {number} row
   * @param {number} column
   */
  weight(row, column) {
    const [queries, keys] = [this.groups[row], this.groups[column]];
    let sum = 0;
    for (const query of queries) for (const key of keys) sum += this.pieces.weight(query, key);
    return sum / queries.length;
  }
}

/**
 * Weights between tokens as they are, or between words where there are these.
 * @param {Weights} pieces
 * @param {number[][] | null} groups the tokens of each word
 * @returns {Weights}
 */
export function between(pieces, groups) {
  return groups === null ? pieces : new WordWeights(pieces, groups);
}

/**
 * Several heads made into one matrix by the server: levels of each row's own maximum, or exact numbers.
 * @implements {Weights}
 */
export class MatrixWeights {
  /**
   * @param {{matrix: Float32Array | Uint8Array, rowMax?: Float32Array | undefined}} arrays
   * @param {number} count of tokens, or cells
   */
  constructor({ matrix, rowMax }, count) {
    this.matrix = matrix; // [query, key], float32, or uint8 levels of 1/255 of the row's maximum
    this.rowMax = rowMax; // [query], for levels
    this.count = count;
  }

  /**
   * @param {number} row
   * @param {number} column
   */
  weight(row, column) {
    const value = this.matrix[row * this.count + column];
    return this.rowMax === undefined ? value : (value / 255) * this.rowMax[row];
  }
}

/**
 * [key]: what a token looks at.
 * @param {Weights} source
 * @param {number} token
 */
export function row(source, token) {
  const weights = new Float32Array(source.count);
  for (let other = 0; other < source.count; other++) weights[other] = source.weight(token, other);
  return weights;
}

/**
 * [query]: how much every token looks at this one.
 * @param {Weights} source
 * @param {number} token
 */
export function column(source, token) {
  const weights = new Float32Array(source.count);
  for (let other = 0; other < source.count; other++) weights[other] = source.weight(other, token);
  return weights;
}

/** @typedef {{tokens: number[], direction: string, weights: Float32Array}} Added */

/** What was added up last of a source. @type {WeakMap<Weights, Added>} */
const added = new WeakMap();

/**
 * [token]: of several tokens the mean of their rows ("at"), or the sum of their columns ("by"); of one its row or
 * column. A row of a query that looks at nothing is no part of the mean: so it sums to one.
 * @param {Weights} source
 * @param {number[]} tokens
 * @param {"at" | "by"} direction
 */
export function together(source, tokens, direction) {
  const one = direction === "at" ? row : column;
  if (tokens.length === 1) return one(source, tokens[0]);
  const before = added.get(source); // the pointer comes and goes
  if (before?.tokens === tokens && before.direction === direction) return before.weights;
  const sums = new Float64Array(source.count);
  let looking = 0;
  for (const token of tokens) {
    const found = one(source, token);
    if (found.some((weight) => weight > 0)) looking++;
    found.forEach((weight, other) => {
      sums[other] += weight;
    });
  }
  const parts = direction === "at" ? Math.max(1, looking) : 1;
  const weights = Float32Array.from(sums, (sum) => sum / parts);
  added.set(source, { tokens, direction, weights });
  return weights;
}

/**
 * The largest weight on a token that is not special: the top of the colour scale.
 * @param {ArrayLike<number>} weights [token]
 * @param {ArrayLike<number>} special [token]
 */
export function colourLimit(weights, special) {
  let ordinary = 0;
  let all = 0;
  for (let token = 0; token < weights.length; token++) {
    if (weights[token] > all) all = weights[token];
    if (!special[token] && weights[token] > ordinary) ordinary = weights[token];
  }
  return ordinary || all || 1;
}
