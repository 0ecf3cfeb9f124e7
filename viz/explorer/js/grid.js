// Every head of the model as one picture: layers down, heads across, or in the order that was asked for.

import { heat } from "./lens.js";

const LABEL = 22; // pixels for the numbers
const GAP = 4;
const TALLEST = 130; // pixels of the tile of an upright photo
const LONGEST = 1_100; // pixels of the whole grid, where tiles need not be smaller than SMALLEST for it
const SMALLEST = 22; // pixels of a tile; below it the grid scrolls sideways

export class HeadGrid {
  /** Draws into the canvas; on(event, [layer, head]) hears "hover" (null: over none) and "pin". */
  constructor(canvas, on) {
    this.canvas = canvas;
    canvas.tabIndex = 0;
    canvas.setAttribute("role", "application");
    canvas.setAttribute("aria-label", "All heads. Arrow keys move layer and head.");
    canvas.onpointermove = (event) => {
      if (event.pointerType === "touch") return;
      const head = this.headAt(event);
      if (String(head) !== String(this.under)) on("hover", (this.under = head));
    };
    canvas.onpointerleave = () => on("hover", (this.under = null));
    canvas.onclick = (event) => {
      const head = this.headAt(event);
      if (head) on("pin", head);
    };
    canvas.onkeydown = (event) => {
      const [down, across] = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] }[event.key] ?? [];
      if (down === undefined) return;
      event.preventDefault();
      const place = this.order.findIndex(([layer, head]) => layer === this.view.layer && head === this.view.head);
      const row = Math.floor(place / this.columns) + down;
      const column = (place % this.columns) + across;
      const target = this.order[row * this.columns + column];
      if (row >= 0 && column >= 0 && column < this.columns && target) on("pin", target.slice(0, 2));
    };
  }

  /** header.order lists [layer, head, value] as they are to stand; the box says how wide the picture may be. */
  load(header, arrays, photo, available) {
    Object.assign(this, { header, arrays, photo, order: header.order, columns: header.heads, view: header.view });
    const aspect = header.grid ? header.aspect : 1;
    const room = (available - LABEL) / this.columns - GAP;
    // Tiles of an upright photo stay low enough to compare, and all rows of a deep model in sight of each other.
    const tallest = Math.min(header.grid ? TALLEST : room, LONGEST / Math.ceil(this.order.length / this.columns) - GAP);
    const widest = tallest * aspect;
    this.wide = Math.max(header.grid && aspect >= 1 ? 44 : SMALLEST, Math.floor(Math.min(room, widest)));
    this.high = Math.round(this.wide / aspect);
    this.ordered = header.view.order !== "layer";
    this.pitch = [this.wide + GAP, this.high + GAP + (this.ordered ? 14 : 0)];
    const rows = Math.ceil(this.order.length / this.columns);
    const [width, height] = [LABEL + this.columns * this.pitch[0], LABEL + rows * this.pitch[1]];
    const ratio = Math.min(2, window.devicePixelRatio || 1);
    Object.assign(this.canvas, { width: width * ratio, height: height * ratio });
    Object.assign(this.canvas.style, { width: `${width}px`, height: `${height}px` });
    this.ratio = ratio;
    this.under = null;
  }

  corner(place) {
    return [LABEL + (place % this.columns) * this.pitch[0], LABEL + Math.floor(place / this.columns) * this.pitch[1]];
  }

  headAt(event) {
    const box = this.canvas.getBoundingClientRect();
    const [x, y] = [event.clientX - box.left - LABEL, event.clientY - box.top - LABEL];
    const [column, row] = [Math.floor(x / this.pitch[0]), Math.floor(y / this.pitch[1])];
    if (x < 0 || y < 0 || column >= this.columns) return null;
    return this.order[row * this.columns + column]?.slice(0, 2) ?? null;
  }

  paint({ heatTable, weightTable, colour, accent }, hovered) {
    const context = this.canvas.getContext("2d");
    context.setTransform(this.ratio, 0, 0, this.ratio, 0, 0);
    context.clearRect(0, 0, this.canvas.width, this.canvas.height);
    context.font = "12px 'Source Sans', system-ui, sans-serif";
    context.textAlign = "center";
    context.textBaseline = "middle";
    context.fillStyle = colour;
    if (!this.ordered) this.numbers(context);
    this.order.forEach(([layer, head, value], place) => {
      const [x, y] = this.corner(place);
      if (this.header.grid) this.photoTile(context, layer, head, x, y, heatTable);
      else this.matrixTile(context, layer, head, x, y, weightTable);
      if (this.ordered) {
        context.fillStyle = colour;
        context.fillText(this.caption(layer, head, value), x + this.wide / 2, y + this.high + 8, this.wide);
      }
      const { of } = this.view;
      const chosen = !of.startsWith("all") && layer === this.view.layer && (of !== "head" || head === this.view.head);
      const under = hovered && layer === hovered[0] && head === hovered[1];
      if (chosen || under) {
        context.lineWidth = chosen ? 3 : 2;
        context.strokeStyle = chosen ? accent : colour;
        context.strokeRect(x - 1.5, y - 1.5, this.wide + 3, this.high + 3);
      }
    });
  }

  caption(layer, head, value) {
    const share = ["special", "key"].includes(this.header.view.order);
    return `${layer}·${head}  ${share ? `${(100 * value).toFixed(0)} %` : value.toFixed(1)}`;
  }

  numbers(context) {
    for (let head = 0; head < this.columns; head++) {
      context.fillText(head, LABEL + head * this.pitch[0] + this.wide / 2, LABEL / 2);
    }
    for (let layer = 0; layer < this.header.layers; layer++) {
      context.fillText(layer, LABEL / 2 - 2, LABEL + layer * this.pitch[1] + this.high / 2);
    }
  }

  /** A head's steps are of the top of its own scale; on a shared one they shrink to what they are of the largest. */
  factor(layer, head) {
    const { tileTops } = this.arrays;
    if (!this.view.shared) return 1;
    return tileTops[layer * this.header.heads + head] / tileTops.reduce((a, b) => Math.max(a, b), 1e-12);
  }

  matrixTile(context, layer, head, x, y, table) {
    const side = this.header.side;
    const tile = new OffscreenCanvas(side, side);
    const pixels = tile.getContext("2d").createImageData(side, side);
    const start = (layer * this.header.heads + head) * side * side;
    const factor = this.factor(layer, head);
    for (let cell = 0; cell < side * side; cell++) {
      const step = Math.round(this.arrays.tiles[start + cell] * factor) * 3;
      pixels.data.set([table[step], table[step + 1], table[step + 2], 255], cell * 4);
    }
    tile.getContext("2d").putImageData(pixels, 0, 0);
    context.imageSmoothingEnabled = side > this.wide * this.ratio;
    context.drawImage(tile, x, y, this.wide, this.high);
  }

  photoTile(context, layer, head, x, y, table) {
    const count = this.header.tokens.length;
    const start = (layer * this.header.heads + head) * count;
    const steps = this.arrays.preview.subarray(start, start + count);
    context.imageSmoothingEnabled = true;
    context.drawImage(this.photo, x, y, this.wide, this.high);
    const limit = 255 / this.factor(layer, head);
    context.imageSmoothingEnabled = false;
    const picture = heat(steps, this.header.prefix, this.header.grid, limit, table, 0.85);
    context.drawImage(picture, x, y, this.wide, this.high);
  }
}
