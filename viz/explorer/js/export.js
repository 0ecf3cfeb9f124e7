// Figures to take away: PNG at twice the size, or SVG.

import { plotly } from "./heatmap.js";

// A picture of its own has none of the page's fonts; text measured in one of them and drawn in another is cut off.
const FAMILY = "Arial, Helvetica, sans-serif";

/** Save a Plotly figure as png or svg under a name. */
export async function download({ figure, name, format, width, height }) {
  const Plotly = await plotly();
  const scale = format === "png" ? 2 : 1;
  const layout = { ...figure.layout, font: { ...figure.layout.font, family: FAMILY } };
  await Plotly.downloadImage({ data: figure.data, layout }, { format, scale, width, height, filename: name });
}
