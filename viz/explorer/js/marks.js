// Frames over the cells of a matrix that plotly.js has drawn. They are moved by themselves: plotly lays the whole
// figure out to move a shape.

/** @import { PlotAxis, PlotElement } from "./types.js" */

/** @typedef {{x0: number, x1: number, y0: number, y1: number}} Frame in cells: -0.5 is the edge of the first */

/** An element to frame with; it is seen once it is put somewhere. */
export function mark() {
  const element = document.createElement("div");
  element.className = "hl-mark";
  element.hidden = true;
  return element;
}

/**
 * Around some rows that look ("at"), or some columns that are looked at ("by").
 * @param {[first: number, last: number]} run
 * @param {number} count of cells along each side
 * @param {"at" | "by"} direction
 * @returns {Frame}
 */
export function across([first, last], count, direction) {
  const [from, to, end] = [first - 0.5, last + 0.5, count - 0.5];
  return direction === "at" ? { x0: -0.5, x1: end, y0: from, y1: to } : { x0: from, x1: to, y0: -0.5, y1: end };
}

/**
 * Around one cell.
 * @param {[query: number, key: number]} cell
 * @returns {Frame}
 */
export function around([query, key]) {
  return { x0: key - 0.5, x1: key + 0.5, y0: query - 0.5, y1: query + 0.5 };
}

/**
 * Put a mark where a frame lies, cut off where the figure has been zoomed.
 * @param {HTMLElement} element
 * @param {PlotElement} box that the figure is drawn in
 * @param {Frame | null} frame null: nowhere
 */
export function put(element, box, frame) {
  const { xaxis, yaxis } = box._fullLayout ?? {};
  element.hidden = true;
  if (frame === null || !xaxis?._length || !yaxis) return;
  const [left, width] = pixelsOf(xaxis, frame.x0, frame.x1);
  const [top, height] = pixelsOf(yaxis, frame.y0, frame.y1);
  element.hidden = width <= 0 || height <= 0;
  const transform = `translate(${left}px, ${top}px)`;
  Object.assign(element.style, { width: `${width}px`, height: `${height}px`, transform });
}

/**
 * Where some cells of an axis stand, and how many pixels they take.
 * @param {PlotAxis} axis
 * @param {number} from
 * @param {number} to
 */
function pixelsOf(axis, from, to) {
  const [start, end] = [from, to].map((cell) => Math.min(axis._length, Math.max(0, axis.l2p(cell))));
  return [axis._offset + start, end - start];
}
