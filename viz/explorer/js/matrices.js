// The full matrices of A, of B and of A − B: one zoom for all, and a cell under the pointer is framed in each of them.

import { signed } from "./lesswords.js";
import { across, around, mark, put } from "./marks.js";
import { download, hosted, plotly } from "./plotly.js";
import { percent } from "./words.js";

/** @import { Pairing } from "./pairing.js" */
/** @import { PairArrays, PairHeader, PairParts, Plotly, PlotElement } from "./types.js" */

/** @typedef {{box: PlotElement, row: HTMLElement, cell: HTMLElement}} Drawn */

export class Matrices {
  /**
   * @param {PairParts} parts
   * @param {(event: "hover" | "pin", place: number | null) => void} on
   */
  constructor({ cell, matrixA, matrixB, matrixLess, matrixNote }, on) {
    this.on = on;
    this.note = matrixNote;
    this.words = cell;
    /** @type {Drawn[]} */
    this.drawn = [matrixA, matrixB, matrixLess].map((box) => ({ box, row: mark(), cell: mark() }));
    this.look = "";
    this.zooming = false;
    /** @type {PairHeader | null} */
    this.header = null;
    /** @type {Float32Array[]} of A, B and A − B: [place, place] */
    this.values = [];
    /** @type {[query: number, key: number] | null} under the pointer */
    this.under = null;
    /** @type {{place: number, direction: "at" | "by"}} The row or column that is shown. */
    this.shown = { place: -1, direction: "at" };
    this.bound = false;
  }

  /**
   * @param {PairHeader} header
   * @param {PairArrays} arrays
   * @param {Pairing} pairing
   */
  async load(header, { weightsA, weightsB }, pairing) {
    this.header = header;
    this.note.textContent = header.matrixNote;
    for (const { box } of this.drawn) box.hidden = header.matrices.length === 0;
    if (!weightsA || !weightsB || this.look === header.id) return;
    const count = header.names.length;
    const paired = Array.from({ length: count }, (_, place) => pairing.paired(place));
    const has = [0, 1].map((side) => Array.from(pairing.sizes[side], (size) => size > 0));
    this.values = [
      weightsA.map((weight, at) => (has[0][Math.floor(at / count)] && has[0][at % count] ? weight : Number.NaN)),
      weightsB.map((weight, at) => (has[1][Math.floor(at / count)] && has[1][at % count] ? weight : Number.NaN)),
      weightsA.map((weight, at) => (paired[Math.floor(at / count)] ? weight - weightsB[at] : Number.NaN)),
    ];
    const Plotly = await plotly();
    if (this.header !== header) return;
    this.look = header.id;
    await Promise.all(this.drawn.map((_, index) => this.draw(Plotly, index)));
    this.listen(Plotly);
    this.place();
  }

  /**
   * @param {Plotly} Plotly
   * @param {number} index
   */
  draw(Plotly, index) {
    const { box, cell, row } = this.drawn[index];
    const header = /** @type {PairHeader} */ (this.header);
    const { data, layout } = header.matrices[index];
    const values = rowsOf(this.values[index], header.names.length);
    const absent = values.map((each) => each.map((value) => (Number.isNaN(value) ? 1 : Number.NaN)));
    const font = { .../** @type {object} */ (layout.font), color: getComputedStyle(box).color };
    const traces = [
      { ...data[0], z: absent },
      { ...data[1], z: values },
    ];
    const own = { ...layout, uirevision: "keep", autosize: true, height: undefined, font };
    const config = hosted(Plotly, (format) => this.save(index, format));
    const drawn = Plotly.react(box, traces, own, config);
    return drawn.then(() => box.append(row, cell));
  }

  /** @param {Plotly} Plotly */
  listen(Plotly) {
    if (this.bound) return;
    this.bound = true;
    this.drawn.forEach(({ box }, index) => {
      box.on("plotly_afterplot", () => this.place());
      box.on("plotly_relayout", (change) => this.zoom(Plotly, index, change));
      box.on("plotly_hover", ({ points: [point] }) => this.point(point.pointIndex ?? point.pointNumber));
      box.on("plotly_unhover", () => this.point(null));
      box.on("plotly_click", ({ points: [point] }) => {
        const [query, key] = point.pointIndex ?? point.pointNumber;
        this.on("pin", this.shown.direction === "at" ? query : key);
      });
    });
  }

  /**
   * What is under the pointer in one matrix is framed in all, and its weights stand in words.
   * @param {[query: number, key: number] | null} cell
   */
  point(cell) {
    this.under = cell;
    this.place();
    const { header, under } = this;
    if (header === null || under === null) {
      this.words.textContent = "";
      return this.on("hover", null);
    }
    const [query, key] = under;
    const [{ wording }] = header.sides;
    const [a, b, less] = this.values.map((values) => values[query * header.names.length + key]);
    /** @param {number} weight */
    const written = (weight) => (Number.isNaN(weight) ? "nothing" : percent(wording, weight));
    const [from, to] = under.map((place) => `\u2068${header.names[place]}\u2069`);
    const rest = Number.isNaN(less) ? "" : `, A − B ${signed(wording, less)}`;
    this.words.textContent = `From ${from} to ${to}: A ${written(a)}, B ${written(b)}${rest}`;
    this.on("hover", this.shown.direction === "at" ? query : key);
  }

  /**
   * What one matrix is zoomed to, all are.
   * @param {Plotly} Plotly
   * @param {number} index
   * @param {Record<string, unknown>} change
   */
  async zoom(Plotly, index, change) {
    const ranged = Object.keys(change).some((name) => name.includes("axis"));
    if (this.zooming || !ranged) return;
    this.zooming = true; // the others tell of it too
    const { xaxis, yaxis } = this.drawn[index].box.layout;
    const ranges = { "xaxis.range": [...xaxis.range], "yaxis.range": [...yaxis.range] };
    await Promise.all(this.drawn.map(({ box }, other) => other !== index && Plotly.relayout(box, ranges)));
    this.zooming = false;
  }

  /**
   * The row or column that is shown.
   * @param {number} place
   * @param {"at" | "by"} direction
   */
  paint(place, direction) {
    this.shown = { place, direction };
    this.place();
  }

  /** The frames over what is drawn, cut off where it has been zoomed. */
  place() {
    const count = this.header?.names.length ?? 0;
    const { place, direction } = this.shown;
    const shown = place < 0 ? null : across([place, place], count, direction);
    const under = this.under && around(this.under);
    for (const { box, cell, row } of this.drawn) {
      put(row, box, shown);
      put(cell, box, under);
    }
  }

  /**
   * @param {number} index
   * @param {"png" | "svg"} format
   */
  save(index, format) {
    const { box } = this.drawn[index];
    const { about, name } = /** @type {PairHeader} */ (this.header).matrices[index];
    const { clientHeight: height, clientWidth: width, data, layout } = box;
    download({ about, figure: { data, layout }, name, format, width, height });
  }
}

/**
 * @param {Float32Array} values [place, place]
 * @param {number} count
 */
function rowsOf(values, count) {
  return Array.from({ length: count }, (_, place) => values.subarray(place * count, (place + 1) * count));
}
