// The figure of the matrix for a view, out of one that Python drew: viz/figures/heatmap.py says where its scale ends.

import { chosen, runs } from "./selection.js";
import { fileName } from "./words.js";

/** @import { Kept } from "./recorded.js" */
/** @import { Figure, ViewFields, Weights } from "./types.js" */

const DECADES = 4; // that the logarithmic scale spans
const ROUNDING = 1e-3; // of a logarithm: a scale that ends at 99.9 % still has the mark “100 %”

/**
 * @param {Kept} kept
 * @param {ViewFields} view
 * @param {Weights} weights of tokens or cells
 * @returns {Figure}
 */
export function figureOf({ header: { figure, special }, logTrace, perCell }, view, weights) {
  if (figure === null) throw new Error("the file has no figure of the matrix");
  const [trace] = view.log ? [logTrace] : figure.data;
  const limit = limitOf(weights, inCells(special, perCell));
  const scale = view.log ? logScale(limit) : linearScale(limit);
  const bar = /** @type {object} */ (trace.colorbar);
  const rows = runs([...new Set(chosen(view).map((query) => Math.floor(query / perCell)))]);
  const [shape] = /** @type {object[]} */ (figure.layout.shapes);
  return {
    about: figure.about,
    data: [{ ...trace, ...scale, colorbar: { ...bar, ...scale.colorbar } }],
    layout: { ...figure.layout, shapes: rows.map(([first, last]) => ({ ...shape, y0: first - 0.5, y1: last + 0.5 })) },
    name: `headlens-${fileName(view)}`,
  };
}

/**
 * The largest weight of a key that is not special.
 * @param {Weights} weights
 * @param {ArrayLike<number>} special [cell]
 */
function limitOf(weights, special) {
  const only = !Array.prototype.includes.call(special, 0); // then they too count
  let limit = 0;
  for (let query = 0; query < weights.count; query++) {
    for (let key = 0; key < weights.count; key++) {
      if (only || !special[key]) limit = Math.max(limit, weights.weight(query, key));
    }
  }
  return Math.fround(limit) || 1;
}

/**
 * A cell with a special token is special.
 * @param {number[]} special [token]
 * @param {number} perCell
 */
function inCells(special, perCell) {
  const cells = new Uint8Array(Math.ceil(special.length / perCell));
  special.forEach((is, token) => {
    cells[Math.floor(token / perCell)] |= is;
  });
  return cells;
}

/** @param {number} limit */
function linearScale(limit) {
  return { zmin: 0, zmax: limit, colorbar: { tickformat: limit >= 0.05 ? ".0%" : ".1%" } };
}

/** @param {number} limit */
function logScale(limit) {
  const top = Math.log10(limit);
  const tickvals = [];
  const [first, last] = [Math.ceil(top - DECADES - ROUNDING), Math.floor(top + ROUNDING)];
  for (let power = first; power <= last; power++) tickvals.push(power);
  const ticktext = tickvals.map((power) => `${general(100 * 10 ** power)} %`);
  return { zmin: top - DECADES, zmax: top, colorbar: { tickvals, ticktext } };
}

/**
 * A power of ten as Python's "g" writes it: 10, 0.1, 1e-05.
 * @param {number} number
 */
function general(number) {
  if (number >= 0.000099) return String(Number(number.toPrecision(6)));
  return number.toExponential(0).replace(/-(\d)$/, "-0$1");
}
