// Which positions of A and of B correspond, and what a head of A differs by from one of B: model/comparison in the
// page.

import { column, row } from "./weights.js";

/** @import { PairArrays, Weights } from "./types.js" */

/** @typedef {[a: number, b: number]} Tokens a position of A and one of B; -1 where there is none */

/**
 * What both give to each place or get from it.
 * @typedef {object} Difference
 * @property {Float32Array} a [place]
 * @property {Float32Array} b [place]
 * @property {Float32Array} less [place] A less B; NaN where there is no difference
 */

export class Pairing {
  /**
   * @param {PairArrays} arrays
   * @param {number} count of places
   */
  constructor(arrays, count) {
    this.count = count;
    this.sides = [
      { place: arrays.placeA, position: arrays.positionA, share: arrays.shareA },
      { place: arrays.placeB, position: arrays.positionB, share: arrays.shareB },
    ];
    this.main = [arrays.mainA, arrays.mainB]; // [position] the place that it is in
    this.partner = [arrays.partnerA, arrays.partnerB]; // [position] of the other side, or -1
    /** How much of each side's positions is in each place: [place]. */
    this.sizes = this.sides.map(({ place, share }) => {
      const sizes = new Float32Array(count);
      place.forEach((at, entry) => {
        sizes[at] += share[entry];
      });
      return sizes;
    });
    /** The position with the largest share of a place: [place], or -1. */
    this.at = this.sides.map(({ place, position, share }) => {
      const [at, largest] = [new Int32Array(count).fill(-1), new Float32Array(count)];
      place.forEach((where, entry) => {
        if (share[entry] <= largest[where]) return;
        largest[where] = share[entry];
        at[where] = position[entry];
      });
      return at;
    });
  }

  /**
   * Whether both have a place.
   * @param {number} place
   */
  paired(place) {
    return this.sizes[0][place] > 0 && this.sizes[1][place] > 0;
  }

  /**
   * A position, and the one that corresponds to it.
   * @param {number} side 0 for A, 1 for B
   * @param {number} position
   * @returns {Tokens}
   */
  tokens(side, position) {
    const other = this.partner[side][position];
    return side === 0 ? [position, other] : [other, position];
  }

  /**
   * What a place looks at on one side, or by what it is looked at.
   * @param {number} side
   * @param {Weights} source
   * @param {"at" | "by"} direction
   * @param {number} place
   * @returns {Float32Array} [place]
   */
  ofPlace(side, source, direction, place) {
    const { place: places, position, share } = this.sides[side];
    const sum = new Float32Array(source.count);
    for (let entry = places.indexOf(place); entry >= 0; entry = places.indexOf(place, entry + 1)) {
      // The row from a place is the mean over its positions; the weight to it is the sum.
      const part = direction === "at" ? share[entry] / this.sizes[side][place] : share[entry];
      const weights = (direction === "at" ? row : column)(source, position[entry]);
      weights.forEach((weight, at) => {
        sum[at] += part * weight;
      });
    }
    return this.toPlaces(side, direction, sum);
  }

  /**
   * Weights of positions as those of places: summed over keys, the mean over queries.
   * @param {number} side
   * @param {"at" | "by"} direction
   * @param {Float32Array} weights [position]
   * @returns {Float32Array} [place]
   */
  toPlaces(side, direction, weights) {
    const { place, position, share } = this.sides[side];
    const sums = new Float32Array(this.count);
    place.forEach((at, entry) => {
      const part = direction === "at" ? share[entry] : share[entry] / this.sizes[side][at];
      sums[at] += part * weights[position[entry]];
    });
    return sums;
  }

  /**
   * What both look at from one place, or by what it is looked at in both; null for a query that only one has.
   * @param {Weights[]} sources A's and B's
   * @param {"at" | "by"} direction
   * @param {number} place
   * @returns {Difference | null}
   */
  atPlace(sources, direction, place) {
    if (direction === "at" && !this.paired(place)) return null;
    const [a, b] = sources.map((source, side) => this.ofPlace(side, source, direction, place));
    return this.less(a, b, direction);
  }

  /**
   * The same of two positions that need not correspond.
   * @param {Float32Array[]} weights what A's and B's give or get: [position]
   * @param {"at" | "by"} direction
   * @returns {Difference}
   */
  apart(weights, direction) {
    const [a, b] = weights.map((each, side) => this.toPlaces(side, direction, each));
    return this.less(a, b, direction);
  }

  /**
   * @param {Float32Array} a [place]
   * @param {Float32Array} b [place]
   * @param {"at" | "by"} direction queries that only one has have no difference, keys that of what has them
   * @returns {Difference}
   */
  less(a, b, direction) {
    const less = a.map((weight, at) => (direction === "at" || this.paired(at) ? weight - b[at] : Number.NaN));
    return { a, b, less };
  }
}
