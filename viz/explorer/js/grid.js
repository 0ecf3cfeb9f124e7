// Every head of the model as one small picture.

import { onArrow } from "./arrows.js";
import { Gestures } from "./gestures.js";
import { CAPTION, GridLayout, LABEL } from "./gridlayout.js";
import { contextOf, darkened, heat, tile } from "./pictures.js";
import { holds } from "./selection.js";
import { percent, who } from "./words.js";

/** @import { Head, LinkedView, On, Parts, Pressed, State, ViewFields } from "./types.js" */

const SMALL = 192; // pixels: the width of the photo that tiles are drawn from

/** @implements {LinkedView} */
export class HeadGrid {
  /**
   * @param {Parts} parts
   * @param {On} on
   */
  constructor({ grid: canvas, gridBox: box, legend }, on) {
    this.canvas = canvas;
    this.box = box;
    this.legend = legend;
    /** @type {State | null} */
    this.state = null;
    /** @type {ImageBitmap | null} */
    this.bitmap = null;
    /** @type {OffscreenCanvas | null} The bitmap, darkened and small. */
    this.photo = null;
    /** @type {Head | null} */
    this.under = null;
    /** @type {GridLayout | null} */
    this.layout = null;
    this.room = 0;
    this.ratio = 1;
    this.painted = "";
    canvas.tabIndex = 0;
    canvas.setAttribute("role", "application");
    canvas.setAttribute("aria-label", "All heads. Arrow keys move layer and head, with Shift they choose more.");
    canvas.onpointermove = (event) => {
      if (event.pointerType === "touch") return;
      const head = this.headAt(event);
      if (String(head) === String(this.under)) return;
      this.under = head;
      on("hover", { head });
    };
    canvas.onpointerleave = () => {
      this.under = null;
      on("hover", { head: null });
    };
    new Gestures(
      canvas,
      (event) => this.headsAt(event),
      (event, target) => {
        const { heads = [] } = /** @type {Pressed} */ (target);
        if (event === "extend") this.extend(heads, on);
        else on(event, target);
      },
    );
    onArrow(canvas, (down, across, more) => {
      if (this.state === null || this.layout === null) return;
      const { head, heads, layer } = this.state.view;
      /** @type {Head} */
      const from = [layer, head];
      const target = this.layout.beside(more ? this.layout.endOf(from, heads) : from, down, across);
      if (target && more) this.extend([target], on);
      else if (target) on("pin", { heads: [target] });
    });
    new ResizeObserver(() => {
      const room = box.clientWidth; // 0: the page has been left
      if (this.state === null || !room || Math.abs(room - this.room) <= 2) return;
      this.load(this.state);
      this.paint(this.state);
    }).observe(box);
  }

  /** @param {MouseEvent} event */
  headAt({ clientX, clientY }) {
    const { left, top } = this.canvas.getBoundingClientRect();
    return this.layout?.headAt(clientX - left, clientY - top) ?? null;
  }

  /**
   * The head that is pressed, or by its number a whole row or column.
   * @param {MouseEvent} event
   */
  headsAt(event) {
    const head = this.headAt(event);
    const { left, top } = this.canvas.getBoundingClientRect();
    const heads = head ? [head] : (this.layout?.lineAt(event.clientX - left, event.clientY - top) ?? []);
    return heads.length ? { heads } : null;
  }

  /**
   * All heads from the view's own up to some, as they stand in the grid.
   * @param {Head[]} to
   * @param {On} on
   */
  extend(to, on) {
    if (this.state === null || this.layout === null) return;
    const { head, layer } = this.state.view;
    on("extend", { heads: this.layout.between([[layer, head], ...to]) });
  }

  /** @param {State} state */
  load(state) {
    const { header, photo } = state;
    this.state = state;
    this.room = this.box.clientWidth;
    if (photo && header.aspect && this.bitmap !== photo) {
      this.photo = darkened(photo, SMALL, Math.round(SMALL / header.aspect));
      this.bitmap = photo;
    }
    this.layout = new GridLayout(header, this.room);
    const { width, height } = this.layout;
    this.ratio = Math.min(2, window.devicePixelRatio || 1);
    Object.assign(this.canvas, { width: width * this.ratio, height: height * this.ratio });
    Object.assign(this.canvas.style, { width: `${width}px`, height: `${height}px` });
    this.under = null;
    this.painted = "";
  }

  /**
   * The chosen head or heads, or all of the chosen layer, are framed, and the head under the pointer as well, thinner.
   * @param {State} state
   */
  paint(state) {
    const { header, hover, theme, view } = state;
    const { head, heads, layer, reduction, scope, shared } = view;
    const look = JSON.stringify([layer, head, heads, scope, reduction, shared, hover.head, theme.text, theme.accent]);
    if (this.layout === null || look === this.painted) return; // a token under the pointer changes nothing here
    this.painted = look;
    const scales = shared ? "one colour scale for all heads" : "each head on its own colour scale";
    const order = this.layout.numbered ? "layers down, heads across" : "layer·head below each";
    this.legend.textContent = [order, scales, header.gridNote].filter(Boolean).join("; ");
    this.canvas.setAttribute("aria-description", who(header.wording, view));
    this.draw(state, this.layout);
  }

  /**
   * @param {State} state
   * @param {GridLayout} layout
   */
  draw(state, layout) {
    const { header, hover, theme, view } = state;
    const { tileHeight, tileWidth } = layout;
    const context = contextOf(this.canvas);
    context.setTransform(this.ratio, 0, 0, this.ratio, 0, 0);
    context.clearRect(0, 0, this.canvas.width, this.canvas.height);
    context.font = `12px ${theme.font}`;
    context.textAlign = "center";
    context.textBaseline = "middle";
    context.fillStyle = theme.text;
    if (layout.numbered) this.numbers(context, header.layers, layout);
    const share = header.measures.find(({ key }) => key === header.view.order)?.share ?? true;
    const largest = header.order.reduce((most, [, , measure]) => Math.max(most, measure ?? 0), 1e-12);
    header.order.forEach(([layer, head, measure], index) => {
      const [x, y] = layout.corner(index);
      if (header.grid) this.drawPhoto(context, state, [layer, head], x, y);
      else this.drawMatrix(context, state, [layer, head], x, y);
      if (layout.captions) {
        const value = measure === null ? "–" : share ? percent(header.wording, measure) : measure.toFixed(1);
        const [ground, letters] = colours(theme.weights, (measure ?? 0) / largest);
        context.fillStyle = ground;
        if (measure !== null) context.fillRect(x, y + tileHeight + 1, tileWidth, CAPTION);
        context.fillStyle = measure === null ? theme.text : letters;
        const caption = layout.numbered ? value : `${layer}·${head}  ${value}`;
        context.fillText(caption, x + tileWidth / 2, y + tileHeight + 8, tileWidth);
      }
      const chosen = isChosen(view, layer, head);
      const under = layer === hover.head?.[0] && head === hover.head[1];
      if (chosen || under) {
        context.lineWidth = chosen ? 3 : 2;
        context.strokeStyle = chosen ? theme.accent : theme.text;
        context.strokeRect(x - 1.5, y - 1.5, tileWidth + 3, tileHeight + 3);
      }
    });
  }

  /**
   * The numbers of heads and of layers.
   * @param {CanvasRenderingContext2D} context
   * @param {number} layers
   * @param {GridLayout} layout
   */
  numbers(context, layers, { columns, pitchX, pitchY, tileHeight, tileWidth }) {
    for (let head = 0; head < columns; head++) {
      context.fillText(String(head), LABEL + head * pitchX + tileWidth / 2, LABEL / 2);
    }
    for (let layer = 0; layer < layers; layer++) {
      context.fillText(String(layer), LABEL / 2 - 2, LABEL + layer * pitchY + tileHeight / 2);
    }
  }

  /**
   * A text's head: its matrix.
   * @param {CanvasRenderingContext2D} context
   * @param {State} state
   * @param {Head} head
   * @param {number} x
   * @param {number} y
   */
  drawMatrix(context, state, head, x, y) {
    const { arrays, header, theme } = state;
    if (this.layout === null || arrays.tiles === undefined || header.side === null) return;
    const { side } = header;
    const start = indexOf(state, head) * side * side;
    const picture = tile(arrays.tiles, { start, side, factor: factorOf(state, head), table: theme.weights });
    context.imageSmoothingEnabled = side > this.layout.tileWidth * this.ratio;
    context.drawImage(picture, x, y, this.layout.tileWidth, this.layout.tileHeight);
  }

  /**
   * A photo's head: what it gives to the pinned token, or gets from it, as heat.
   * @param {CanvasRenderingContext2D} context
   * @param {State} state
   * @param {Head} head
   * @param {number} x
   * @param {number} y
   */
  drawPhoto(context, state, head, x, y) {
    const { arrays, header, theme } = state;
    if (this.layout === null || this.photo === null || header.grid === null) return;
    const { tileHeight, tileWidth } = this.layout;
    const count = header.tokens.length;
    const levels = arrays.preview.subarray(indexOf(state, head) * count, (indexOf(state, head) + 1) * count);
    const { grid, prefix } = header;
    const limit = 255 / factorOf(state, head);
    context.imageSmoothingEnabled = true;
    context.drawImage(this.photo, x, y, tileWidth, tileHeight);
    context.imageSmoothingEnabled = false;
    const picture = heat(levels, { prefix, grid, limit, table: theme.heat, strength: theme.heatOpacity });
    context.drawImage(picture, x, y, tileWidth, tileHeight);
  }
}

/**
 * A colour of a scale, and one of letters that can be read on it.
 * @param {Uint8Array} table [level, 3]
 * @param {number} share from 0 to 1: where on the scale
 */
function colours(table, share) {
  const level = 3 * Math.round(255 * Math.min(1, Math.max(0, share)));
  const [red, green, blue] = table.subarray(level, level + 3);
  const light = 0.299 * red + 0.587 * green + 0.114 * blue > 140;
  return [`rgb(${red} ${green} ${blue})`, light ? "#000" : "#fff"];
}

/**
 * @param {State} state
 * @param {Head} head
 */
function indexOf({ header }, [layer, head]) {
  return layer * header.heads + head;
}

/**
 * @param {ViewFields} view
 * @param {number} layer
 * @param {number} head
 */
function isChosen(view, layer, head) {
  if (view.scope === "heads") return holds(view.heads, [layer, head]);
  return view.scope !== "all" && layer === view.layer && (view.scope === "layer" || head === view.head);
}

/**
 * A head's levels are of the top of its own scale; on a shared one they shrink to what they are of the largest.
 * @param {State} state
 * @param {Head} head
 */
function factorOf(state, head) {
  if (!state.view.shared) return 1;
  const { tileTops } = state.arrays;
  return tileTops[indexOf(state, head)] / tileTops.reduce((a, b) => Math.max(a, b), 1e-12);
}
