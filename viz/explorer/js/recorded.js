// Everything of one recording, as viz/explorer/offline.py keeps it, and any weights of it, computed here.

import { between, HeadWeights, MatrixWeights } from "./weights.js";

/** @import { Arrays, Head, Header, Weights } from "./types.js" */

/**
 * @typedef {object} KeptLayer
 * @property {number} scale
 * @property {number | null} softcap
 * @property {boolean} causal
 * @property {(number | null)[]} masks [head] which of the arrays mask0, mask1, … is added to its scores
 */

/**
 * @typedef {object} Kept
 * @property {Header} header of the view to begin with
 * @property {Record<string, unknown>} logTrace the trace of the figure with log
 * @property {number} perCell tokens in a cell of the matrix
 * @property {boolean} merges heads are made one matrix
 * @property {KeptLayer[]} kept
 * @property {Record<string, (number | null)[][]>} measures [layer][head] by the order that sorts by them
 * @property {string[][]} headRoles [layer][head] what each is called after
 * @property {string} headWords the template of the head in words
 * @property {[spread: number, reach: number][][] | null} wordLooks [layer][head] between words; null: of tokens
 * @property {string} severalNote the matrix's note where heads are made one
 * @property {Record<string, string>} gridNotes by order
 */

/** @typedef {Record<string, Float32Array>} Floats */

export class Recorded {
  /**
   * @param {{header: Kept, arrays: Arrays}} everything
   */
  constructor({ header, arrays }) {
    this.kept = header;
    this.arrays = arrays;
    /** Those of the layers, by their names. */
    this.floats = /** @type {Floats} */ (/** @type {unknown} */ (arrays));
    this.layers = header.header.layers;
    this.heads = header.header.heads;
    this.count = header.header.tokens.length;
    this.groups = header.header.groups;
    this.pieces = this.groups?.flat().length ?? this.count; // positions that the arrays are of
  }

  /**
   * What the explorer computes every weight of a head from, in the names of a payload; the same memory, not a copy.
   * @param {number} layer
   * @param {number} head
   * @returns {Pick<Arrays, "query" | "key" | "mask"> & {lse: Float32Array}}
   */
  head(layer, head) {
    const { pieces: count, floats, heads, kept } = this;
    const [queries, keys] = [floats[`query${layer}`], floats[`key${layer}`]];
    const number = kept.kept[layer].masks[head];
    const index = layer * heads + head;
    /** @type {ReturnType<Recorded["head"]>} */
    const parts = { lse: floats.lse.subarray(index * count, (index + 1) * count) };
    if (queries) {
      const size = queries.length / heads;
      const shared = queries.length / keys.length; // neighbours share a key head
      const first = Math.floor(head / shared) * size;
      parts.query = queries.subarray(head * size, (head + 1) * size);
      parts.key = keys.subarray(first, first + size);
    }
    if (number !== null) parts.mask = floats[`mask${number}`];
    return parts;
  }

  /**
   * @param {number} layer
   * @param {number} head
   */
  weights(layer, head) {
    return between(this.ofPieces(layer, head), this.groups);
  }

  /**
   * Between tokens, where words are shown too.
   * @param {number} layer
   * @param {number} head
   */
  ofPieces(layer, head) {
    return new HeadWeights(this.head(layer, head), this.kept.kept[layer]);
  }

  /** All heads, one after the other: [layer, head, its weights]. @returns {Generator<[number, number, Weights]>} */
  *all() {
    for (let layer = 0; layer < this.layers; layer++) {
      for (let head = 0; head < this.heads; head++) yield [layer, head, this.weights(layer, head)];
    }
  }

  /**
   * The mean or maximum over heads, [query, key]; between them the page gets its turn. Words are made of it then: the
   * maximum of sums would be another.
   * @param {Head[]} heads
   * @param {"mean" | "max"} reduction
   * @param {() => Promise<unknown>} turn
   */
  async merged(heads, reduction, turn) {
    const { pieces: count } = this;
    const sums = new Float64Array(count * count);
    for (const [layer, head] of heads) {
      add(sums, this.ofPieces(layer, head), reduction);
      await turn();
    }
    const parts = reduction === "mean" ? heads.length : 1;
    const matrix = Float32Array.from(sums, (sum) => sum / parts);
    return this.groups === null ? matrix : whole(between(new MatrixWeights({ matrix }, count), this.groups));
  }
}

/** @param {Weights} source */
function whole(source) {
  const { count } = source;
  return Float32Array.from({ length: count * count }, (_, i) => source.weight(Math.floor(i / count), i % count));
}

/**
 * @param {Float64Array} sums [query, key], changed
 * @param {Weights} source
 * @param {"mean" | "max"} reduction
 */
function add(sums, source, reduction) {
  const { count } = source;
  for (let query = 0, i = 0; query < count; query++) {
    for (let key = 0; key < count; key++, i++) {
      const weight = source.weight(query, key);
      if (reduction === "mean") sums[i] += weight;
      else if (weight > sums[i]) sums[i] = weight;
    }
  }
}

/**
 * A matrix in cells of so many tokens along each side: the mean over a cell's queries of the sum over its keys.
 * @param {Weights} source
 * @param {number} perCell
 */
export function pooled(source, perCell) {
  const cells = Math.ceil(source.count / perCell);
  const sums = new Float64Array(cells * cells);
  for (let query = 0; query < source.count; query++) {
    const row = Math.floor(query / perCell);
    const queries = Math.min(perCell, source.count - row * perCell); // the last cell holds the rest
    for (let key = 0; key < source.count; key++) {
      sums[row * cells + Math.floor(key / perCell)] += source.weight(query, key) / queries;
    }
  }
  return Float32Array.from(sums);
}
