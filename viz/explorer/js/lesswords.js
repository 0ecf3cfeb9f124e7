// A − B in words: what its places are called, and the largest differences.

import { colourLimit } from "./weights.js";
import { behind, percent, toldApart } from "./words.js";

/** @import { Difference, Pairing } from "./pairing.js" */
/** @import { PairHeader, Wording } from "./types.js" */

export const BOTH = " | "; // between A's patch and B's
const NEAR = 0.2; // of the largest: what is less is not named
const SPECIAL = 3; // special tokens that are named at most

/**
 * What to call each place: of texts isolated, for it may read from right to left, and with the position where there are
 * several of one name, A's if it has one. A part of two patches is called as they are, A's | B's.
 * @param {PairHeader} header
 * @param {Pairing} pairing
 */
export function placeNames({ names, sides }, pairing) {
  const [own, theirs] = pairing.at;
  if (!sides[0].grid) {
    const isolated = names.map((name) => `\u2068${name}\u2069`);
    return toldApart(sides[0].wording, isolated, (place) => (own[place] < 0 ? theirs : own)[place]);
  }
  return names.map((_, place) => {
    const [a, b] = sides.map(({ tokens }, side) => tokens[pairing.at[side][place]] ?? "");
    return a && b && a !== b ? `${a}${BOTH}${b}` : a || b;
  });
}

/**
 * +12 %, −3.4 %.
 * @param {Wording} wording
 * @param {number} difference
 */
export function signed(wording, difference) {
  const sign = difference < 0 ? "−" : "+";
  return `${difference === 0 ? "" : sign}${percent(wording, Math.abs(difference))}`;
}

/**
 * What is at a place in A, in B, and A less B.
 * @param {Wording} wording
 * @param {Pairing} pairing
 * @param {Difference} difference
 * @param {number} place
 */
export function placeNumbers(wording, pairing, { a, b, less }, place) {
  const both = [a, b].map((weights, side) =>
    pairing.sizes[side][place] > 0 ? `${"AB"[side]} ${percent(wording, weights[place])}` : `not in ${"AB"[side]}`,
  );
  return Number.isNaN(less[place]) ? both : [...both, signed(wording, less[place])];
}

/**
 * What places differ by, and how large that is.
 * @typedef {object} Ranked
 * @property {Float32Array} less [place] NaN where there is no difference
 * @property {Float32Array} sizes [place] without their signs
 * @property {number[]} order the places that differ, those that differ the most first
 * @property {number} limit the size at the top of the colour scale
 */

/**
 * @param {Float32Array} less [place]
 * @param {number[]} special [place]
 * @returns {Ranked}
 */
export function ranked(less, special) {
  const sizes = less.map((each) => Math.abs(each || 0)); // NaN has none
  const order = [...sizes.keys()].filter((place) => sizes[place] > 0).sort((a, b) => sizes[b] - sizes[a] || a - b);
  return { less, sizes, order, limit: colourLimit(sizes, special) };
}

/**
 * What the words are of.
 * @typedef {object} Named
 * @property {string[]} names [place]
 * @property {number[]} special [place] 0 or 1
 * @property {Wording} wording
 */

/**
 * The largest differences of ordinary places, of both signs, and behind them those of special tokens.
 * @param {Named} of
 * @param {Ranked} differences
 * @param {number} most named, of each sign
 */
export function lessWords({ names, special, wording }, { less, order, sizes }, most) {
  /** @param {number[]} places */
  const listed = (places) => places.map((place) => `${names[place]} ${signed(wording, less[place])}`).join(", ");
  /** @param {number[]} places */
  const near = (places) => places.filter((place) => sizes[place] >= NEAR * sizes[places[0]]);
  const ordinary = near(order.filter((place) => !special[place]));
  const [more, fewer] = [1, -1].map((sign) => ordinary.filter((place) => less[place] * sign > 0).slice(0, most));
  const parts = [more.length && `more in A: ${listed(more)}`, fewer.length && `more in B: ${listed(fewer)}`];
  const others = parts.filter(Boolean).join("; ");
  const named = near(order).filter((place) => special[place]);
  const rest = behind(others, named.length ? `${others && "and "}${listed(named.slice(0, SPECIAL))}` : "");
  return [others, rest].filter(Boolean).join(" ") || "no difference";
}

/**
 * Which special tokens differ by more than the scale has, for they do not set it.
 * @param {Named} of
 * @param {Ranked} differences
 */
export function beyondScale({ names, wording }, { less, limit, order, sizes }) {
  const beyond = order.filter((place) => sizes[place] > limit);
  const listed = beyond.slice(0, SPECIAL).map((place) => `${names[place]} ${signed(wording, less[place])}`);
  return beyond.length ? `Special tokens do not set the scale; beyond it: ${listed.join(", ")}` : "";
}
