// What the other side does not have is hatched on canvases, as explorer's CSS does with tokens.

import { contextOf } from "./pictures.js";

/** @import { Header } from "./types.js" */

const STEP = 12; // pixels of a canvas from line to line

/**
 * @param {CanvasRenderingContext2D} context
 * @param {number[]} box left, top, width and height
 */
export function hatch(context, [left, top, width, height]) {
  context.save();
  context.beginPath();
  context.rect(left, top, width, height);
  context.clip();
  context.lineWidth = 1.5;
  context.strokeStyle = "rgb(255 255 255 / 0.7)";
  context.beginPath();
  // The lines of all boxes lie on one raster: boxes side by side are hatched as one.
  for (let at = Math.floor((left - top - height) / STEP) * STEP; at <= left + width - top; at += STEP) {
    context.moveTo(at + top, top);
    context.lineTo(at + top + height, top + height);
  }
  context.stroke();
  context.restore();
}

/**
 * Hatch the patches that have no partner.
 * @param {HTMLCanvasElement} canvas
 * @param {Header} header
 * @param {Int32Array} partner [token]
 */
export function hatchPatches(canvas, { grid, prefix }, partner) {
  if (grid === null) return;
  const [rows, columns] = grid;
  const [width, height] = [canvas.width / columns, canvas.height / rows];
  for (let patch = 0; patch < rows * columns; patch++) {
    if (partner[prefix + patch] >= 0) continue;
    hatch(contextOf(canvas), [(patch % columns) * width, Math.floor(patch / columns) * height, width, height]);
  }
}
