// A − B as heat over A's photo.

import { hatch } from "./hatch.js";
import { contextOf, darkened } from "./pictures.js";
import { SignedColours } from "./signed.js";
import { colourLimit } from "./weights.js";

/** @import { Pairing } from "./pairing.js" */

const LONGEST = 960; // pixels of the canvas
const LEVELS = 64; // of colours, of each sign

export class DifferencePhoto {
  /**
   * @param {HTMLCanvasElement} canvas
   * @param {{photo: ImageBitmap, aspect: number, boxes: Float32Array, special: number[], pairing: Pairing}} of
   */
  constructor(canvas, { photo, aspect, boxes, special, pairing }) {
    this.canvas = canvas;
    this.boxes = boxes;
    this.special = special;
    const corners = [0, 1, 2, 3].map((corner) => boxes.filter((_, at) => at % 4 === corner));
    /** What is seen: A's picture, and what B sees beyond it. */
    this.top = corners[0].reduce((a, b) => Math.min(a, b), 0);
    this.left = corners[1].reduce((a, b) => Math.min(a, b), 0);
    this.height = corners[2].reduce((a, b) => Math.max(a, b), 1) - this.top;
    this.width = corners[3].reduce((a, b) => Math.max(a, b), 1) - this.left;
    const seen = (aspect * this.width) / this.height;
    canvas.width = Math.round(LONGEST * Math.min(1, seen));
    canvas.height = Math.round(LONGEST / Math.max(1, seen));
    const [width, height] = [Math.round(canvas.width / this.width), Math.round(canvas.height / this.height)];
    this.darkened = darkened(photo, width, height);
    this.colours = new SignedColours(canvas);
    /** Pixels: left, top, width and height. */
    this.frames = Array.from({ length: boxes.length / 4 }, (_, place) => this.frame(place));
    /** Those that only one side has. */
    this.lone = this.frames.filter((frame, place) => frame[2] > 0 && !pairing.paired(place));
  }

  /** @param {MouseEvent} event */
  placeAt({ clientX, clientY }) {
    const { boxes, height, left, top, width } = this;
    const frame = this.canvas.getBoundingClientRect();
    const x = left + (width * (clientX - frame.left)) / frame.width;
    const y = top + (height * (clientY - frame.top)) / frame.height;
    for (let at = 0; at < boxes.length; at += 4) {
      if (y >= boxes[at] && x >= boxes[at + 1] && y < boxes[at + 2] && x < boxes[at + 3]) return at / 4;
    }
    return null;
  }

  /** @param {number} place */
  frame(place) {
    const [top, left, bottom, right] = this.boxes.subarray(4 * place, 4 * place + 4);
    const [x, y] = [this.canvas.width / this.width, this.canvas.height / this.height];
    return [(left - this.left) * x, (top - this.top) * y, (right - left) * x, (bottom - top) * y];
  }

  /**
   * Parts of patches are coloured by the difference for their area.
   * @param {Float32Array} less [place]
   * @param {{hovered: number, strength: number}} now
   */
  paint(less, { hovered, strength }) {
    const context = contextOf(this.canvas);
    context.fillStyle = "black";
    context.fillRect(0, 0, this.canvas.width, this.canvas.height);
    const [x, y] = [this.canvas.width / this.width, this.canvas.height / this.height];
    context.drawImage(this.darkened, -this.left * x, -this.top * y);
    const { frames } = this;
    const dense = less.map(
      (each, place) => (each || 0) / (frames[place][2] * frames[place][3] || Number.POSITIVE_INFINITY),
    );
    const limit = colourLimit(dense.map(Math.abs), this.special);
    /** @type {Map<number, number[]>} Places by the level of their colour: to set a colour takes longer than to fill. */
    const byLevel = new Map();
    dense.forEach((each, place) => {
      const level = Math.round(LEVELS * Math.sign(each) * Math.sqrt(Math.min(1, Math.abs(each) / limit)));
      if (level !== 0)
        byLevel
          .set(level, byLevel.get(level) ?? [])
          .get(level)
          ?.push(place);
    });
    for (const [level, places] of byLevel) {
      context.fillStyle = this.colours.of(level / LEVELS, strength);
      for (const place of places) {
        const [left, top, width, height] = frames[place];
        context.fillRect(left, top, width, height);
      }
    }
    hatch(this.canvas, this.lone);
    if (hovered < 0) return;
    context.lineWidth = 2;
    context.strokeStyle = "white";
    const [left, top, width, height] = frames[hovered];
    context.strokeRect(left, top, width, height);
  }
}
