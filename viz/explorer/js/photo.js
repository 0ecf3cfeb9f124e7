// The darkened photo with one query's weights as heat; hover previews, click pins, a drag scrubs.

import { onArrow, within } from "./arrows.js";
import { Gestures } from "./gestures.js";
import { contextOf, darkened, heat } from "./pictures.js";
import { chosen, endOf } from "./selection.js";
import { colourLimit } from "./weights.js";

/** @import { LinkedView, On, Parts, State } from "./types.js" */

// Pixels; of an upright photo the height: drawn wider, it would be shown so small that the frame is lost.
const LONGEST = 960;

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
    /** @type {State | null} */
    this.state = null;
    canvas.tabIndex = 0;
    canvas.setAttribute("role", "application");
    canvas.setAttribute("aria-label", "Picture. Arrow keys move the query, with Shift they choose more.");
    const gestures = new Gestures(canvas, (event) => ({ token: this.tokenAt(event) }), on);
    canvas.onpointermove = (event) => {
      if (!gestures.dragging) on("hover", { token: this.tokenAt(event) }); // a finger that drags across scrubs
    };
    canvas.onpointerleave = () => on("hover", { token: null });
    onArrow(canvas, (down, across, more) => {
      if (this.state === null) return;
      const { cursor, header, view } = this.state;
      const [rows, columns] = this.grid;
      const patch = Math.max(0, (more ? endOf(view, header) : cursor) - this.prefix);
      const row = within(Math.floor(patch / columns) + down, rows);
      const column = within((patch % columns) + across, columns);
      on(more ? "extend" : "move", { token: this.prefix + row * columns + column });
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
   * The chosen patches are framed, and the one under the pointer as well, thinner.
   * @param {State} state
   */
  paint(state) {
    const { header, hover, scale, shown, theme, view } = state;
    this.state = state;
    if (this.darkened === null) return;
    const { edges, strength } = shown.view;
    const { grid, prefix } = this;
    const context = contextOf(this.canvas);
    context.drawImage(this.darkened, 0, 0);
    context.imageSmoothingEnabled = edges === "smooth";
    context.imageSmoothingQuality = "low"; // linear: each patch keeps its colour in its middle
    const limit = scale?.limit ?? colourLimit(shown.weights, header.special);
    const picture = heat(shown.weights, { prefix, grid, limit, table: theme.heat, strength: strength / 100 });
    context.drawImage(picture, 0, 0, this.canvas.width, this.canvas.height);
    this.frame(context, chosen(view), 3);
    if (hover.token !== null && hover.token !== view.query) this.frame(context, [hover.token], 1.5);
  }

  /**
   * A line around patches: along each of their sides where the next patch is none of them.
   * @param {CanvasRenderingContext2D} context
   * @param {number[]} tokens
   * @param {number} thickness pixels
   */
  frame(context, tokens, thickness) {
    const [rows, columns] = this.grid;
    const [width, height] = [this.canvas.width / columns, this.canvas.height / rows];
    const framed = new Set(tokens.map((token) => token - this.prefix));
    const path = new Path2D();
    for (const patch of framed) {
      if (patch < 0) continue;
      const [row, column] = [Math.floor(patch / columns), patch % columns];
      /** @type {[boolean, number[]][]} Of each side, whether the next patch is framed too, and its ends. */
      const sides = [
        [framed.has(patch - columns), [0, 0, 1, 0]],
        [framed.has(patch + columns), [0, 1, 1, 1]],
        [column > 0 && framed.has(patch - 1), [0, 0, 0, 1]],
        [column < columns - 1 && framed.has(patch + 1), [1, 0, 1, 1]],
      ];
      for (const [inside, [left, top, right, bottom]] of sides) {
        if (inside) continue;
        path.moveTo((column + left) * width, (row + top) * height);
        path.lineTo((column + right) * width, (row + bottom) * height);
      }
    }
    context.lineCap = "square";
    // White on black: it is seen over any photo.
    for (const colour of ["black", "white"]) {
      context.lineWidth = thickness + (colour === "black" ? 3 : 0);
      context.strokeStyle = colour;
      context.stroke(path);
    }
  }
}
