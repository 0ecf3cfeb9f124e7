// The full matrix: the pure Plotly figure, hosted by plotly.js; the frames of rows or columns follow the shown tokens.

import { meaning } from "./gestures.js";
import { across, mark, put } from "./marks.js";
import { download, hosted, plotly } from "./plotly.js";
import { runs } from "./selection.js";
import { MatrixWeights } from "./weights.js";
import { who } from "./words.js";

/** @import { Figure, Header, LinkedView, On, Parts, State, Weights } from "./types.js" */

const HATCH = 720; // pixels of the pattern, which is stretched over a row

/**
 * What is drawn.
 * @typedef {object} Drawing
 * @property {string} look two of the same are the same picture, but for the frame
 * @property {Header} header
 * @property {Figure} figure
 * @property {number} count of cells along each side
 * @property {number} size tokens in a cell
 */

/** @implements {LinkedView} */
export class Matrix {
  /**
   * @param {Parts} parts
   * @param {On} on where columns are shown, a cell pins its column, else its row
   */
  constructor({ matrix: box, matrixNote: note }, on) {
    this.box = box;
    this.note = note;
    this.on = on;
    /** @type {Drawing | null} */
    this.drawing = null;
    /** @type {Promise<unknown> | null} */
    this.drawn = null;
    /** @type {number[]} */
    this.tokens = [];
    /** @type {object | undefined} */
    this.config = undefined;
    this.bound = false;
    /** @type {HTMLElement[]} */
    this.marks = [];
  }

  /**
   * The figure gets its weights, or cells of them, here: they need not travel.
   * @param {State} state
   */
  async load({ arrays: { pooled }, header, source, theme }) {
    const { figure, view } = header;
    this.note.textContent = header.matrixNote;
    this.box.hidden = view.matrix && figure === null;
    const weights = pooled ? new MatrixWeights({ matrix: pooled }, Math.sqrt(pooled.length)) : source;
    if (figure === null || weights === null) return;
    const Plotly = await plotly();
    const { layer, head, heads, scope, reduction, log } = view;
    const look = JSON.stringify([header.id, layer, head, heads, scope, reduction, log, theme.weights[0]]);
    const size = Math.ceil(header.tokens.length / weights.count);
    const same = this.drawing?.look === look;
    this.drawing = { look, header, figure, count: weights.count, size };
    if (same) {
      await this.drawn; // it may not be done yet
      return this.place(); // only the query is another
    }
    for (const other of this.marks) other.hidden = true;
    const values = valuesOf(weights, header, figure);
    const trace = { ...figure.data[0], ...values, colorscale: scaleOf(theme.weights) };
    const font = { .../** @type {object} */ (figure.layout.font), color: getComputedStyle(this.box).color };
    const images = hatched(values.z);
    const layout = { ...figure.layout, uirevision: "keep", autosize: true, font, images, shapes: [] };
    // One object: plotly draws all anew where its configuration is another.
    this.config ??= hosted(Plotly, (format) => this.save(format));
    this.drawn = Plotly.react(this.box, [trace], layout, this.config);
    await this.drawn;
    if (this.drawing.look !== look) return; // meanwhile another was asked for
    this.listen();
    this.box.append(...this.marks);
    this.place();
  }

  /** @param {State} state */
  paint({ header, shown }) {
    if (header.figure) this.outline(shown.tokens);
  }

  /** A cell that is clicked pins the token in its middle. */
  listen() {
    if (this.bound) return;
    this.bound = true;
    this.box.on("plotly_click", ({ event, points: [point] }) => {
      if (this.drawing === null) return;
      const { header, size } = this.drawing;
      const [query, key] = point.pointIndex ?? point.pointNumber;
      const first = size * (header.view.direction === "at" ? query : key);
      this.on(event ? meaning(event, false) : "pin", {
        token: Math.min(first + Math.floor(size / 2), header.tokens.length - 1),
      });
    });
    this.box.on("plotly_afterplot", () => this.place()); // resized, zoomed
  }

  /** @param {"png" | "svg"} format */
  save(format) {
    if (this.drawing === null) return;
    const { figure, header } = this.drawing;
    const { clientHeight: height, clientWidth: width, data, layout } = this.box;
    const shapes = this.frames(this.drawing).map((frame) => ({ ...shapeOf(figure), ...frame }));
    const title = { text: who(header.wording, header.view), x: 0.01, yref: "container", y: 0.98, yanchor: "top" };
    const saved = { data, layout: { ...layout, shapes, title, margin: { ...layout.margin, t: 36 } } };
    const about = { ...figure.about, heads: who(header.wording, header.view) };
    download({ about, figure: saved, name: figure.name, format, width, height });
  }

  /**
   * Where the frames of the tokens lie among the cells: their rows, or their columns.
   * @param {Drawing} drawing
   */
  frames({ count, header, size }) {
    const cells = new Set(this.tokens.map((token) => Math.floor(token / size)));
    return runs([...cells]).map((run) => across(run, count, header.view.direction));
  }

  /**
   * Frame the rows that look, or the columns that are looked at.
   * @param {number[]} tokens
   */
  outline(tokens) {
    this.tokens = tokens;
    this.place();
  }

  /**
   * An element for each frame; those that are not needed stay hidden.
   * @param {number} count
   */
  marksFor(count) {
    while (this.marks.length < count) {
      const added = mark();
      this.marks.push(added);
      this.box.append(added);
    }
    for (const other of this.marks.slice(count)) other.hidden = true;
    return this.marks;
  }

  /** The frames over what is drawn, cut off where the figure has been zoomed. */
  place() {
    if (this.drawing === null || !shapeOf(this.drawing.figure)) return;
    if (this.box.data?.[0].z.length !== this.drawing.count) return; // it is not drawn yet
    const frames = this.frames(this.drawing);
    const marks = this.marksFor(frames.length);
    frames.forEach((frame, index) => {
      put(marks[index], this.box, frame);
    });
  }
}

/** @param {Figure} figure */
function shapeOf({ layout }) {
  return /** @type {object[]} */ (layout.shapes)[0];
}

/**
 * What the trace is drawn from.
 * @param {Weights} source
 * @param {Header} header
 * @param {Figure} figure
 */
function valuesOf(source, { causal, groups, view }, { data: [trace] }) {
  const rows = Array.from({ length: source.count }, (_, query) => {
    const weights = new Float32Array(source.count);
    for (let key = 0; key < source.count; key++) {
      // The future stays empty: no weight could be there.
      weights[key] = causal && !groups && key > query ? Number.NaN : source.weight(query, key);
    }
    // What looks at nothing is hatched.
    return weights.some((weight) => weight > 0) ? weights : weights.fill(Number.NaN);
  });
  if (!view.log) return { z: rows };
  const floor = 10 ** Number(trace.zmin);
  return { z: rows.map((weights) => weights.map((weight) => Math.log10(Math.max(weight, floor)))), customdata: rows };
}

/**
 * Pictures that hatch the rows of queries that look at nothing, neighbours together; viz/figures/hatch.py has the same.
 * @param {Float32Array[]} rows
 */
function hatched(rows) {
  const empty = [...rows.keys()].filter((row) => rows[row].every(Number.isNaN));
  return runs(empty).map(([first, last]) => {
    const [sizex, sizey] = [rows.length, last - first + 1];
    const place = { xref: "x", yref: "y", x: -0.5, y: first - 0.5, sizex, sizey };
    return { source: hatch(sizex, sizey), sizing: "stretch", layer: "below", ...place };
  });
}

/**
 * @param {number} columns
 * @param {number} rows
 */
function hatch(columns, rows) {
  const height = Math.max(1, Math.round((HATCH * rows) / columns));
  const svg =
    `<svg xmlns='http://www.w3.org/2000/svg' width='${HATCH}' height='${height}'>` +
    "<pattern id='h' width='8' height='8' patternUnits='userSpaceOnUse' patternTransform='rotate(45)'>" +
    "<path d='M1 0V8' stroke='#888'/></pattern><rect width='100%' height='100%' fill='url(#h)'/></svg>";
  return `data:image/svg+xml,${encodeURIComponent(svg)}`;
}

/** @param {Uint8Array} table [level, 3] */
function scaleOf(table) {
  return Array.from({ length: 33 }, (_, i) => {
    const level = Math.min(255, i * 8) * 3;
    return [i / 32, `rgb(${table[level]},${table[level + 1]},${table[level + 2]})`];
  });
}
