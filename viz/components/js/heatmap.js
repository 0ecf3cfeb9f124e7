// The pure Plotly figure of one head's matrix, hosted by plotly.js; its row or column follows the strip.

import { download } from "./export.js";

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
  }

  /** The figure with its weights, or cells of them, from the source; weights are computed here: they need not travel. */
  async load({ key, figure, view, tokens }, source, table) {
    const Plotly = await plotly();
    const { count } = source;
    this.step = Math.ceil(tokens.length / count);
    const drawn = JSON.stringify([key, view.layer, view.head, view.of, view.log, table[0]]);
    if (this.drawn === drawn) {
      this.view = view; // only the query is another
      return this.outline(view.query);
    }
    const trace = { ...figure.data[0] };
    const rows = Array.from({ length: count }, (_, query) => {
      const weights = new Float32Array(count);
      for (let key = 0; key < count; key++) weights[key] = source.weight(query, key);
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
    this.view = view;
    this.tokens = tokens.length;
    const wanted = this.wanted ?? view.query;
    layout.shapes = [{ ...figure.layout.shapes[0], ...this.frame(wanted, count) }];
    this.outlined = wanted + view.direction;
    this.config ??= this.buttons(Plotly); // plotly draws all anew where its configuration is another object
    await Plotly.react(this.box, [trace], layout, this.config);
    if (!this.bound) {
      this.bound = true;
      this.box.on("plotly_click", ({ points: [point] }) => {
        const [query, key] = point.pointIndex ?? point.pointNumber;
        const first = this.step * (this.view.direction === "at" ? query : key);
        this.on("pin", Math.min(first + Math.floor(this.step / 2), this.tokens - 1));
      });
    }
    this.drawn = drawn;
  }

  buttons(Plotly) {
    const save = (format) => ({
      name: `save-${format}`,
      title: `Save as ${format.toUpperCase()}`,
      icon: Plotly.Icons.camera,
      click: () => {
        const [width, height] = [this.box.clientWidth, this.box.clientHeight];
        download({ figure: this.box, name: this.name, format, width, height });
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

  /** Where the frame of a token lies among so many cells a side: its row, or its column. */
  frame(token, count) {
    const cell = Math.floor(token / this.step);
    const [along, across] = this.view.direction === "at" ? ["x", "y"] : ["y", "x"];
    return { [`${along}0`]: -0.5, [`${along}1`]: count - 0.5, [`${across}0`]: cell - 0.5, [`${across}1`]: cell + 0.5 };
  }

  /** Frame the row that looks, or the column that is looked at. */
  async outline(token) {
    this.wanted = token;
    if (!this.drawn || this.outlined === token + this.view.direction) return;
    this.outlined = token + this.view.direction;
    const Plotly = await plotly();
    const ends = Object.entries(this.frame(token, this.box.data[0].z.length));
    Plotly.relayout(this.box, Object.fromEntries(ends.map(([end, place]) => [`shapes[0].${end}`, place])));
  }
}
