// What the grid and the words say of the heads, computed from everything of a recording.

import { chosen } from "./selection.js";
import { together } from "./weights.js";
import { fill, namesOf } from "./words.js";

/** @import { Recorded } from "./recorded.js" */
/** @import { Header, ViewFields } from "./types.js" */

const LOWEST = -1e300; // what could not be measured comes last
const LEAST = 1e-12; // the top of a scale where all weights are nothing

/**
 * What the chosen tokens give to every token in every head (their mean), or get from it (their sum): levels of each
 * head's top, and exact on special tokens.
 * @param {Recorded} recorded
 * @param {ViewFields} view
 */
export function preview(recorded, view) {
  const { count, heads, layers } = recorded;
  const { special } = recorded.kept.header;
  const specials = special.flatMap((is, token) => (is ? [token] : []));
  const levels = new Uint8Array(layers * heads * count);
  const tops = new Float32Array(layers * heads);
  const exact = new Float32Array(layers * heads * specials.length);
  for (const [layer, head, source] of recorded.all()) {
    const index = layer * heads + head;
    const weights = together(source, chosen(view), view.direction);
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
export function orderOf(recorded, view) {
  const { key, order, placed } = view;
  const queries = chosen(view);
  const measures = recorded.kept.measures[order];
  /** @type {Header["order"]} */
  const measured = [];
  for (const [layer, head, source] of recorded.all()) {
    const measure = order === "key" ? together(source, queries, "at")[key] : (measures?.[layer][head] ?? null);
    measured.push([layer, head, measure]);
  }
  return placed ? measured : measured.sort((a, b) => (b[2] ?? LOWEST) - (a[2] ?? LOWEST));
}

/**
 * @param {Recorded} recorded
 * @param {ViewFields} view
 */
export function headInWords(recorded, view) {
  const { head, layer } = view;
  const { header, headWords, measures, wordLooks } = recorded.kept;
  const ofTokens = [measures.spread[layer][head] ?? 0, measures.distance?.[layer][head] ?? 0];
  const [everywhere, away] = wordLooks?.[layer][head] ?? ofTokens;
  return fill(headWords, {
    name: namesOf(header, chosen(view)),
    here: counted(spread(together(recorded.weights(layer, head), chosen(view), "at"))),
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
