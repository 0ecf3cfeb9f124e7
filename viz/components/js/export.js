// Figures to take away: PNG at twice the size, or SVG.

import { plotly } from "./heatmap.js";

/** Save a Plotly figure as png or svg under a name. */
export async function download({ figure, name, format, width, height }) {
  const Plotly = await plotly();
  const scale = format === "png" ? 2 : 1;
  await Plotly.downloadImage({ data: figure.data, layout: figure.layout }, { format, scale, width, height, filename: name });
}
