// plotly.js, out of the plotly wheel.

/** @import { Plotly, SavedFigure } from "./types.js" */

// A picture of its own has none of the page's fonts; text measured in one of them and drawn in another is cut off.
const FAMILY = "Arial, Helvetica, sans-serif";

/** @type {Promise<Plotly> | undefined} */
let library;

/** The library, loaded once a page. */
export function plotly() {
  const page = /** @type {Window & {Plotly?: Plotly}} */ (window);
  library ??= new Promise((resolve, reject) => {
    const done = () => (page.Plotly ? resolve(page.Plotly) : reject(new Error("plotly.min.js could not be loaded")));
    if (page.Plotly) return done();
    const script = document.createElement("script");
    script.src = new URL("headlens/plotly.min.js", document.baseURI).href;
    script.onload = script.onerror = done;
    document.head.append(script);
  });
  return library;
}

/**
 * Save a figure as PNG at twice the size, or as SVG.
 * @param {Omit<SavedFigure, "at" | "figure"> & {figure: {data?: unknown, layout?: {font?: object}}}} saved
 */
export async function download({ figure, name, format, width, height }) {
  const Plotly = await plotly();
  const scale = format === "png" ? 2 : 1;
  const layout = { ...figure.layout, font: { ...figure.layout?.font, family: FAMILY } };
  await Plotly.downloadImage({ data: figure.data, layout }, { format, scale, width, height, filename: name });
}
