// The darkened photo with one query's weights as heat; hover previews, click pins, a drag scrubs.

import { onArrow, within } from "./arrows.js";
import { contextOf, darkened, heat } from "./pictures.js";
import { colourLimit } from "./weights.js";

/** @import { LinkedView, On, Parts, State } from "./types.js" */

const LONGEST = 960; // pixels; of an upright photo the height: drawn wider, it would be shown so small that the frame is lost

/** @implements {LinkedView} */
export class Photo {
  /**
   * @param {Parts} parts
   * @param {On} on
   */
  constructor({ photo: canvas }, on) {
    this.canvas = canvas;
    /** @type {ImageBitmap | null} */
    this.bitmap = null;
    /** @type {OffscreenCanvas | null} */
    this.darkened = null;
    /** Rows and columns of patches. */
    this.grid = [1, 1];
    this.prefix = 0;
    this.cursor = 0;
    canvas.tabIndex = 0;
    canvas.setAttribute("role", "application");
    canvas.setAttribute("aria-label", "Picture. Arrow keys move the query.");
    canvas.onpointermove = (event) => on("hover", { token: this.tokenAt(event) }); // a finger that drags across scrubs as well
    canvas.onpointerleave = () => on("hover", { token: null });
    canvas.onclick = (event) => on("pin", { token: this.tokenAt(event) });
    onArrow(canvas, (down, across) => {
      const [rows, columns] = this.grid;
      const patch = Math.max(0, this.cursor - this.prefix);
      const row = within(Math.floor(patch / columns) + down, rows);
      const column = within((patch % columns) + across, columns);
      on("move", { token: this.prefix + row * columns + column });
    });
  }

  /** @param {MouseEvent} event */
  tokenAt({ clientX, clientY }) {
    const box = this.canvas.getBoundingClientRect();
    const [rows, columns] = this.grid;
    const row = within(Math.floor(((clientY - box.top) / box.height) * rows), rows);
    const column = within(Math.floor(((clientX - box.left) / box.width) * columns), columns);
    return this.prefix + row * columns + column;
  }

  /** @param {State} state */
  load({ header: { aspect, grid, prefix }, photo }) {
    if (photo === null || grid === null || aspect === null) return;
    this.grid = grid;
    this.prefix = prefix;
    if (this.bitmap === photo) return; // darkened already
    this.bitmap = photo;
    this.canvas.width = Math.round(LONGEST * Math.min(1, aspect));
    this.canvas.height = Math.round(LONGEST / Math.max(1, aspect));
    this.darkened = darkened(photo, this.canvas.width, this.canvas.height);
  }

  /**
   * The pinned patch is framed, and the one under the pointer as well, thinner.
   * @param {State} state
   */
  paint({ cursor, header: { special }, hover, scale, shown, theme, view }) {
    this.cursor = cursor;
    if (this.darkened === null) return;
    const { edges, strength } = shown.view;
    const { grid, prefix } = this;
    const context = contextOf(this.canvas);
    context.drawImage(this.darkened, 0, 0);
    context.imageSmoothingEnabled = edges === "smooth";
    context.imageSmoothingQuality = "low"; // linear: each patch keeps its colour in its middle
    const limit = scale?.limit ?? colourLimit(shown.weights, special);
    const picture = heat(shown.weights, { prefix, grid, limit, table: theme.heat, strength: strength / 100 });
    context.drawImage(picture, 0, 0, this.canvas.width, this.canvas.height);
    this.frame(context, view.query, 3);
    if (hover.token !== null && hover.token !== view.query) this.frame(context, hover.token, 1.5);
  }

  /**
   * @param {CanvasRenderingContext2D} context
   * @param {number} token
   * @param {number} thickness pixels
   */
  frame(context, token, thickness) {
    if (token < this.prefix) return;
    const [rows, columns] = this.grid;
    const [width, height] = [this.canvas.width / columns, this.canvas.height / rows];
    const patch = token - this.prefix;
    const [left, top] = [(patch % columns) * width, Math.floor(patch / columns) * height];
    // White on black: it is seen over any photo.
    for (const colour of ["black", "white"]) {
      context.lineWidth = thickness + (colour === "black" ? 3 : 0);
      context.strokeStyle = colour;
      context.strokeRect(left, top, width, height);
    }
  }
}
