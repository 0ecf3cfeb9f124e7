// The pure Plotly figure of one head's matrix, hosted by plotly.js; its row or column follows the strip.

import { download } from "./export.js";
import { who } from "./words.js";

let library;

/** plotly.js out of the plotly wheel, once a page. */
export function plotly() {
  library ??= new Promise((resolve, reject) => {
    if (window.Plotly) return resolve(window.Plotly);
    const script = document.createElement("script");
    script.src = new URL("headlens/plotly.min.js", document.baseURI);
    script.onload = () => resolve(window.Plotly);
    script.onerror = () => reject(new Error("plotly.min.js could not be loaded"));
    document.head.append(script);
  });
  return library;
}

export class Heatmap {
  /** Draws into the box; on("pin", token) hears clicks on a cell: its row, or its column where columns are shown.
   *  Where a cell holds several tokens, it is the one in their middle. */
  constructor(box, on) {
    this.box = box;
    this.on = on;
    this.mark = document.createElement("div"); // moved by itself: plotly lays the whole figure out to move a shape
    this.mark.className = "hl-mark";
    this.mark.hidden = true;
  }

  /** The figure with its weights, or cells of them, from the source; weights are computed here: they need not travel. */
  async load({ key, figure, view, tokens, causal }, source, table) {
    const Plotly = await plotly();
    const { count } = source;
    const drawn = JSON.stringify([key, view.layer, view.head, view.of, view.log, table[0]]);
    this.view = view;
    if (this.drawn === drawn) {
      await this.drawing; // it may not be done yet
      return this.outline(view.query); // only the query is another
    }
    this.drawn = drawn;
    this.step = Math.ceil(tokens.length / count);
    this.count = count;
    this.mark.hidden = true;
    const trace = { ...figure.data[0] };
    const rows = Array.from({ length: count }, (_, query) => {
      const weights = new Float32Array(count);
      // What lies in the future is left empty: no weight could be there.
      for (let key = 0; key < count; key++) weights[key] = causal && key > query ? NaN : source.weight(query, key);
      return weights;
    });
    if (view.log) {
      const floor = 10 ** trace.zmin;
      trace.customdata = rows;
      trace.z = rows.map((weights) => weights.map((weight) => Math.log10(Math.max(weight, floor))));
    } else {
      trace.z = rows;
    }
    trace.colorscale = Array.from({ length: 33 }, (_, i) => {
      const step = Math.min(255, i * 8) * 3;
      return [i / 32, `rgb(${table[step]},${table[step + 1]},${table[step + 2]})`];
    });
    const colour = getComputedStyle(this.box).color;
    const layout = { ...figure.layout, uirevision: "keep", autosize: true, font: { ...figure.layout.font, color: colour } };
    this.name = figure.name;
    this.tokens = tokens.length;
    [this.shape] = figure.layout.shapes;
    layout.shapes = [];
    this.config ??= this.buttons(Plotly); // plotly draws all anew where its configuration is another object
    await (this.drawing = Plotly.react(this.box, [trace], layout, this.config));
    if (this.drawn !== drawn) return; // meanwhile another was asked for
    if (!this.bound) {
      this.bound = true;
      this.box.on("plotly_click", ({ points: [point] }) => {
        const [query, key] = point.pointIndex ?? point.pointNumber;
        const first = this.step * (this.view.direction === "at" ? query : key);
        this.on("pin", Math.min(first + Math.floor(this.step / 2), this.tokens - 1));
      });
      this.box.on("plotly_afterplot", () => this.place()); // resized, zoomed
    }
    this.box.append(this.mark);
    this.outline(this.wanted ?? view.query);
  }

  buttons(Plotly) {
    const save = (format) => ({
      name: `save-${format}`,
      title: `Save as ${format.toUpperCase()}`,
      icon: Plotly.Icons.camera,
      click: () => {
        const [width, height] = [this.box.clientWidth, this.box.clientHeight];
        const shapes = [{ ...this.shape, ...this.frame(this.wanted) }];
        const title = { text: who(this.view), x: 0.01, yref: "container", y: 0.98, yanchor: "top" };
        const margin = { ...this.box.layout.margin, t: 36 };
        const figure = { data: this.box.data, layout: { ...this.box.layout, shapes, title, margin } };
        download({ figure, name: this.name, format, width, height });
      },
    });
    return {
      displaylogo: false,
      showSendToCloud: false, // nothing leaves this machine
      plotlyServerURL: "",
      responsive: true,
      modeBarButtonsToRemove: ["toImage"],
      modeBarButtonsToAdd: [save("png"), save("svg")],
    };
  }

  /** Where the frame of a token lies among the cells: its row, or its column. */
  frame(token) {
    const cell = Math.floor(token / this.step);
    const [along, across] = this.view.direction === "at" ? ["x", "y"] : ["y", "x"];
    return { [`${along}0`]: -0.5, [`${along}1`]: this.count - 0.5, [`${across}0`]: cell - 0.5, [`${across}1`]: cell + 0.5 };
  }

  /** Frame the row that looks, or the column that is looked at. */
  outline(token) {
    this.wanted = token;
    this.place();
  }

  /** The frame over what is drawn, cut off where the figure has been zoomed. */
  place() {
    const { xaxis, yaxis } = this.box._fullLayout ?? {};
    if (!this.shape || !xaxis?._length || this.box.data[0].z.length !== this.count) return;
    const { x0, x1, y0, y1 } = this.frame(this.wanted);
    const [[left, width], [top, height]] = [[xaxis, x0, x1], [yaxis, y0, y1]].map(([axis, from, to]) => {
      const [start, end] = [from, to].map((cell) => Math.min(axis._length, Math.max(0, axis.l2p(cell))));
      return [axis._offset + start, end - start];
    });
    this.mark.hidden = width <= 0 || height <= 0;
    Object.assign(this.mark.style, { width: `${width}px`, height: `${height}px`, transform: `translate(${left}px, ${top}px)` });
  }
}
