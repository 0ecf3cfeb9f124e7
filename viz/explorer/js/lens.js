// The patch lens: the darkened photo with one query's weights as heat; hover previews, click pins, a drag scrubs.

import { colourLimit } from "./weights.js";


/** A photo in grey and darker, as the pure figure has it: ITU-R BT.601 luma times 0.6. */
export function darkened(bitmap, width, height) {
  const canvas = new OffscreenCanvas(width, height);
  const context = canvas.getContext("2d", { willReadFrequently: true });
  context.imageSmoothingQuality = "high";
  context.drawImage(bitmap, 0, 0, width, height);
  const pixels = context.getImageData(0, 0, width, height);
  const { data } = pixels;
  for (let i = 0; i < data.length; i += 4) {
    data[i] = data[i + 1] = data[i + 2] = (0.299 * data[i] + 0.587 * data[i + 1] + 0.114 * data[i + 2]) * 0.6;
  }
  context.putImageData(pixels, 0, 0);
  return canvas;
}

/** Heat over patches as a canvas of one pixel a patch: the scale's colour, more opaque the larger the weight. */
export function heat(weights, first, [rows, columns], limit, table, strength) {
  const canvas = new OffscreenCanvas(columns, rows);
  const context = canvas.getContext("2d");
  const pixels = context.createImageData(columns, rows);
  for (let patch = 0; patch < rows * columns; patch++) {
    const share = Math.min(1, weights[first + patch] / limit);
    const step = Math.round(share * 255) * 3;
    pixels.data[patch * 4] = table[step];
    pixels.data[patch * 4 + 1] = table[step + 1];
    pixels.data[patch * 4 + 2] = table[step + 2];
    pixels.data[patch * 4 + 3] = Math.round(255 * strength * Math.sqrt(share));
  }
  context.putImageData(pixels, 0, 0);
  return canvas;
}

export class Lens {
  /** Draws into the canvas; on(event, token) hears "hover" (null: over none) and "pin". */
  constructor(canvas, on) {
    this.canvas = canvas;
    canvas.tabIndex = 0;
    canvas.setAttribute("role", "application");
    canvas.setAttribute("aria-label", "Photo. Arrow keys move the query patch.");
    canvas.onpointermove = (event) => on("hover", this.tokenAt(event)); // a finger that drags across scrubs as well
    canvas.onpointerleave = () => on("hover", null);
    canvas.onclick = (event) => on("pin", this.tokenAt(event));
    canvas.onkeydown = (event) => {
      const [down, across] = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] }[event.key] ?? [];
      if (down === undefined) return;
      event.preventDefault();
      const [rows, columns] = this.header.grid;
      const patch = Math.max(0, this.at - this.header.prefix);
      const row = Math.min(rows - 1, Math.max(0, Math.floor(patch / columns) + down));
      const column = Math.min(columns - 1, Math.max(0, (patch % columns) + across));
      on("move", this.header.prefix + row * columns + column);
    };
  }

  tokenAt(event) {
    const box = this.canvas.getBoundingClientRect();
    const [rows, columns] = this.header.grid;
    const place = (share, count) => Math.min(count - 1, Math.max(0, Math.floor(share * count)));
    const row = place((event.clientY - box.top) / box.height, rows);
    return this.header.prefix + row * columns + place((event.clientX - box.left) / box.width, columns);
  }

  load(header, photo) {
    this.header = header;
    if (this.bitmap === photo) return; // darkened already
    this.bitmap = photo;
    const longest = 960; // of an upright photo the height: drawn wider, it would be shown so small that the frame is lost
    this.canvas.width = Math.round(longest * Math.min(1, header.aspect));
    this.canvas.height = Math.round(longest / Math.max(1, header.aspect));
    this.photo = darkened(photo, this.canvas.width, this.canvas.height);
  }

  /** Heat by weights [token]; the pinned patch is framed, and the one under the pointer as well, thinner; the keys
   *  move from the token that they are at. */
  paint(weights, query, hovered, at, { edges, strength }, table) {
    this.at = at;
    const { width, height } = this.canvas;
    const { grid, prefix, special } = this.header;
    const context = this.canvas.getContext("2d");
    context.drawImage(this.photo, 0, 0);
    context.imageSmoothingEnabled = edges === "smooth";
    context.imageSmoothingQuality = "low"; // linear: each patch keeps its colour in its middle
    context.drawImage(heat(weights, prefix, grid, colourLimit(weights, special), table, strength / 100), 0, 0, width, height);
    this.frame(context, query, 3);
    if (hovered !== null && hovered !== query) this.frame(context, hovered, 1.5);
  }

  frame(context, token, thickness) {
    if (token < this.header.prefix) return;
    const [rows, columns] = this.header.grid;
    const [width, height] = [this.canvas.width / columns, this.canvas.height / rows];
    const patch = token - this.header.prefix;
    const box = [(patch % columns) * width, Math.floor(patch / columns) * height, width, height];
    for (const [colour, extra] of [["black", 3], ["white", 0]]) {
      context.lineWidth = thickness + extra;
      context.strokeStyle = colour;
      context.strokeRect(...box);
    }
  }
}
