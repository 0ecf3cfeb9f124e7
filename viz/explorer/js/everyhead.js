// What the grid and the words say of the heads, computed from everything of a recording.

import { column, row } from "./weights.js";
import { fill, nameOf } from "./words.js";

/** @import { Recorded } from "./recorded.js" */
/** @import { Header, ViewFields } from "./types.js" */

const LOWEST = -1e300; // what could not be measured comes last
const LEAST = 1e-12; // the top of a scale where all weights are nothing

/**
 * What the query gives to every token in every head, or gets from it: levels of each head's top, and exact on special
 * tokens.
 * @param {Recorded} recorded
 * @param {ViewFields} view
 */
export function preview(recorded, { direction, query }) {
  const { count, heads, layers } = recorded;
  const { special } = recorded.kept.header;
  const specials = special.flatMap((is, token) => (is ? [token] : []));
  const levels = new Uint8Array(layers * heads * count);
  const tops = new Float32Array(layers * heads);
  const exact = new Float32Array(layers * heads * specials.length);
  for (const [layer, head, source] of recorded.all()) {
    const index = layer * heads + head;
    const weights = (direction === "at" ? row : column)(source, query);
    const top = weights.reduce((most, weight, token) => (special[token] ? most : Math.max(most, weight)), LEAST);
    tops[index] = top;
    weights.forEach((weight, token) => {
      levels[index * count + token] = Math.round(Math.min(1, weight / top) * 255);
    });
    specials.forEach((token, i) => {
      exact[index * specials.length + i] = weights[token];
    });
  }
  const tileTops = recorded.arrays.tileTops ?? tops; // a text's tiles are its matrices, whatever the query
  return { preview: levels, tops, previewSpecial: exact, tileTops };
}

/**
 * All heads as they stand in the grid: by layer and head, or the largest measure first.
 * @param {Recorded} recorded
 * @param {ViewFields} view
 * @returns {Header["order"]}
 */
export function orderOf(recorded, { key, order, placed, query }) {
  const measures = recorded.kept.measures[order];
  /** @type {Header["order"]} */
  const measured = [];
  for (const [layer, head, source] of recorded.all()) {
    const measure = order === "key" ? Math.fround(source.weight(query, key)) : (measures?.[layer][head] ?? null);
    measured.push([layer, head, measure]);
  }
  return placed ? measured : measured.sort((a, b) => (b[2] ?? LOWEST) - (a[2] ?? LOWEST));
}

/**
 * @param {Recorded} recorded
 * @param {ViewFields} view
 */
export function headInWords(recorded, { head, layer, query }) {
  const { header, headWords, measures, wordLooks } = recorded.kept;
  const ofTokens = [measures.spread[layer][head] ?? 0, measures.distance?.[layer][head] ?? 0];
  const [everywhere, away] = wordLooks?.[layer][head] ?? ofTokens;
  return fill(headWords, {
    name: nameOf(header, query),
    here: counted(spread(row(recorded.weights(layer, head), query))),
    everywhere: counted(everywhere),
    away: away.toFixed(1),
  });
}

/**
 * Over how many keys a row spreads: exp of its entropy.
 * @param {Float32Array} weights
 */
function spread(weights) {
  return Math.exp(-weights.reduce((sum, weight) => (weight > 0 ? sum + weight * Math.log(weight) : sum), 0));
}

/** @param {number} number */
function counted(number) {
  return number < 100 ? number.toFixed(1) : Math.round(number).toLocaleString("en-US");
}
