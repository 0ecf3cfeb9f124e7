// What the other side does not have is hatched on canvases, as compared.css does with tokens.

import { contextOf } from "./pictures.js";

/** @import { Header } from "./types.js" */

const STEP = 12; // pixels of a canvas from line to line

/**
 * Lines across the canvas, of which the boxes are cut out: boxes side by side are hatched as one.
 * @param {HTMLCanvasElement} canvas
 * @param {number[][]} boxes left, top, width and height of each
 */
export function hatch(canvas, boxes) {
  if (boxes.length === 0) return;
  const context = contextOf(canvas);
  const { height, width } = canvas;
  context.save();
  context.beginPath();
  for (const [left, top, across, down] of boxes) context.rect(left, top, across, down);
  context.clip();
  context.lineWidth = 1.5;
  context.strokeStyle = "rgb(255 255 255 / 0.7)";
  context.beginPath();
  for (let at = Math.floor(-height / STEP) * STEP; at <= width; at += STEP) {
    context.moveTo(at, 0);
    context.lineTo(at + height, height);
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
  /** @type {number[][]} */
  const lone = [];
  for (let patch = 0; patch < rows * columns; patch++) {
    if (partner[prefix + patch] >= 0) continue;
    lone.push([(patch % columns) * width, Math.floor(patch / columns) * height, width, height]);
  }
  hatch(canvas, lone);
}
