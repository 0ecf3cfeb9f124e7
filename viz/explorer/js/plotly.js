// plotly.js, out of the plotly wheel: from the server, unless whoever shows the explorer gives it.

import { fileOf } from "./saved.js";

/** @import { Plotly, SavedFigure } from "./types.js" */

const PATIENCE = 60_000; // milliseconds for which the browser may still read what it saves

// A picture of its own has none of the page's fonts; text measured in one of them and drawn in another is cut off.
const FAMILY = "Arial, Helvetica, sans-serif";

/** How any figure is hosted: without what would send it away. */
export const HOST = { responsive: true, displaylogo: false, showSendToCloud: false, plotlyServerURL: "" };

/** @type {Promise<Plotly> | undefined} */
let library;
/** Where the library's script is. @type {() => string | Promise<string>} */
let source = () => new URL("headlens/plotly.min.js", document.baseURI).href;

/** The library, loaded once a page. */
export function plotly() {
  library ??= load();
  return library;
}

/**
 * Have the library's script come from elsewhere, when it is first needed.
 * @param {() => string | Promise<string>} where
 */
export function takePlotlyFrom(where) {
  source = where;
}

/**
 * How a figure is hosted that has buttons of ours, which save it.
 * @param {Plotly} Plotly
 * @param {(format: "png" | "svg") => void} save
 */
export function hosted({ Icons }, save) {
  /** @param {"png" | "svg"} format */
  const button = (format) => ({
    name: `save-${format}`,
    title: `Save as ${format.toUpperCase()}`,
    icon: Icons.camera,
    click: () => save(format),
  });
  return {
    ...HOST,
    modeBarButtonsToRemove: ["toImage"],
    modeBarButtonsToAdd: [button("png"), button("svg")],
  };
}

/** @returns {Promise<Plotly>} */
async function load() {
  const page = /** @type {Window & {Plotly?: Plotly}} */ (window);
  if (!page.Plotly) {
    const script = document.createElement("script");
    script.src = await source();
    document.head.append(script);
    await new Promise((done) => {
      script.onload = script.onerror = done;
    });
  }
  if (!page.Plotly) throw new Error("plotly.min.js could not be loaded");
  return page.Plotly;
}

/**
 * Save a figure as PNG at twice the size, or as SVG.
 * @param {Omit<SavedFigure, "at" | "figure"> & {figure: {data?: unknown, layout?: {font?: object}}}} saved
 */
export async function download({ about, figure, name, format, width, height }) {
  const Plotly = await plotly();
  const scale = format === "png" ? 2 : 1;
  const layout = { ...figure.layout, font: { ...figure.layout?.font, family: FAMILY } };
  const url = await Plotly.toImage({ data: figure.data, layout }, { format, scale, width, height });
  const link = document.createElement("a");
  link.href = URL.createObjectURL(fileOf(url, about));
  link.download = `${name}.${format}`;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), PATIENCE);
}
