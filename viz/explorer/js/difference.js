// A − B of what is shown: a strip, or heat over A's photo, on a scale around zero; and the largest differences as bars.

import { Buttons } from "./buttons.js";
import { hatch } from "./hatch.js";
import { contextOf, darkened } from "./pictures.js";
import { colourLimit } from "./weights.js";
import { nameOf, percent } from "./words.js";

/** @import { Difference, Pairing } from "./pairing.js" */
/** @import { PairHeader, Parts } from "./types.js" */

const LONGEST = 960; // pixels of the canvas
const MOST = 8; // bars
const LEVELS = 64; // of the heat over a photo, of each sign
const NAMED = 3; // in the words, of each sign

/**
 * What the view needs of a pair.
 * @typedef {object} Loaded
 * @property {PairHeader} header
 * @property {Pairing} pairing
 * @property {Float32Array | undefined} boxes [place, 4] of photos: top, left, bottom, right, as shares of A's picture
 * @property {ImageBitmap | null} photo A's
 */

export class DifferenceView {
  /**
   * @param {Parts} parts
   * @param {(event: "hover" | "pin", place: number | null) => void} on
   */
  constructor(parts, on) {
    this.parts = parts;
    /** @type {Loaded | null} */
    this.loaded = null;
    /** @type {HTMLElement[]} [place] of texts */
    this.spans = [];
    /** @type {Picture | null} */
    this.picture = null;
    const { photo, strip } = parts;
    const { low, high, lone } = /** @type {Record<string, HTMLElement>} */ (/** @type {unknown} */ (parts));
    /** The ends of the scale. */
    this.low = low;
    this.high = high;
    this.lone = lone; // in the legend
    this.buttons = new Buttons(parts.bars, "hl-bar hl-signed", (place) => on("pin", place));
    strip.dir = "auto";
    strip.onpointerover = ({ target }) => on("hover", placeOf(target));
    strip.onpointerleave = photo.onpointerleave = () => on("hover", null);
    strip.onclick = ({ target }) => on("pin", placeOf(target));
    photo.onpointermove = (event) => on("hover", this.picture?.placeAt(event) ?? null);
    photo.onclick = (event) => on("pin", this.picture?.placeAt(event) ?? null);
  }

  /** @param {Loaded} loaded */
  load(loaded) {
    const { boxes, header, pairing, photo } = loaded;
    const same = this.loaded?.pairing === pairing;
    this.loaded = loaded;
    if (same) return;
    this.lone.hidden = header.names.every((_, place) => pairing.paired(place));
    const [{ aspect }] = header.sides;
    this.picture = photo && aspect && boxes ? new Picture(this.parts.photo, { photo, aspect, boxes }) : null;
    this.spans = header.names.map((name, place) => {
      const span = document.createElement("span");
      span.textContent = name;
      span.dataset.place = String(place);
      span.classList.add("hl-signed");
      const owner = [0, 1].filter((side) => pairing.sizes[side][place] > 0);
      if (owner.length === 1) span.dataset.owner = "AB"[owner[0]];
      span.classList.toggle("hl-unbroken", name.includes(" "));
      span.classList.toggle("hl-special", Boolean(header.special[place]));
      span.classList.toggle("hl-lone", !pairing.paired(place));
      return span;
    });
    if (this.picture) this.spans = [];
    this.parts.strip.replaceChildren(...this.spans.flatMap((span) => [span, document.createTextNode(" ")]));
  }

  /**
   * @param {Difference | null} difference null where only one has the query
   * @param {object} now
   * @param {string} now.what is seen
   * @param {number} now.hovered place, or -1
   * @param {number} now.strength 0 to 1
   */
  paint(difference, { what, hovered, strength }) {
    if (this.loaded === null) return;
    const { header, pairing } = this.loaded;
    const less = difference?.less ?? new Float32Array(header.names.length).fill(Number.NaN);
    const sizes = less.map((each) => Math.abs(each || 0)); // NaN has none
    this.parts.title.textContent = difference ? `${what}: ${this.words(less, sizes)}` : what;
    this.parts.bars.style.visibility = difference ? "" : "hidden"; // what is below must not move under the pointer
    if (difference) this.bars(difference, sizes);
    this.picture?.paint(less, { special: header.special, pairing, hovered, strength });
    const limit = colourLimit(sizes, header.special);
    this.low.textContent = difference && this.signed(-limit);
    this.high.textContent = difference && this.signed(limit);
    this.spans.forEach((span, place) => {
      const share = Math.max(-1, Math.min(1, (less[place] || 0) / limit));
      span.style.setProperty("--signed", share.toFixed(3));
      span.title = difference ? this.numbers(difference, place).join(", ") : "";
      span.classList.toggle("hl-hovered", place === hovered);
    });
  }

  /**
   * The largest differences of ordinary places, of both signs.
   * @param {Float32Array} less [place]
   * @param {Float32Array} sizes [place]
   */
  words(less, sizes) {
    const special = this.loaded?.header.special ?? [];
    const places = largest(sizes).filter((place) => !special[place] && sizes[place] > 0);
    const near = places.filter((place) => sizes[place] >= 0.2 * sizes[places[0]]);
    /** @type {[string, (difference: number) => boolean][]} */
    const signs = [
      ["more in A:", (difference) => difference > 0],
      ["more in B:", (difference) => difference < 0],
    ];
    const parts = signs.map(([words, is]) => {
      const named = near.filter((place) => is(less[place])).slice(0, NAMED);
      return (
        named.length && `${words} ${named.map((place) => `${this.name(place)} ${this.signed(less[place])}`).join(", ")}`
      );
    });
    return parts.filter(Boolean).join("; ") || "no difference";
  }

  /**
   * @param {Difference} difference
   * @param {Float32Array} sizes [place]
   */
  bars(difference, sizes) {
    const places = largest(sizes).slice(0, MOST);
    const top = sizes[places[0]] || 1;
    const entries = places.map((place) => ({
      token: place,
      texts: [this.name(place), ...this.numbers(difference, place)],
      title: `Look from ${this.name(place)}`,
      style: { "--signed": String((0.6 * difference.less[place]) / top) },
    }));
    this.buttons.show(entries.filter(({ token }) => sizes[token] > 0));
  }

  /**
   * In A, in B, and A less B.
   * @param {Difference} difference
   * @param {number} place
   */
  numbers({ a, b, less }, place) {
    const { wording } = /** @type {Loaded} */ (this.loaded).header.sides[0];
    const both = [`A ${percent(wording, a[place])}`, `B ${percent(wording, b[place])}`];
    return Number.isNaN(less[place]) ? both : [...both, this.signed(less[place])];
  }

  /** @param {number} difference */
  signed(difference) {
    const { wording } = /** @type {Loaded} */ (this.loaded).header.sides[0];
    const sign = difference < 0 ? "−" : "+";
    return `${difference === 0 ? "" : sign}${percent(wording, Math.abs(difference))}`;
  }

  /**
   * What to call a place; isolated, for it may read from right to left. A part of two patches is called as they are.
   * @param {number} place
   */
  name(place) {
    const { header, pairing } = /** @type {Loaded} */ (this.loaded);
    if (this.picture === null) return `\u2068${header.names[place]}\u2069`;
    const names = header.sides.map((side, at) => {
      const position = pairing.at[at][place];
      return position < 0 ? "" : nameOf(side, position);
    });
    const [a, b] = names;
    return a && b && a !== b ? `${a} of A, ${b} of B` : a || b;
  }
}

/** Differences as heat over A's photo. */
class Picture {
  /**
   * @param {HTMLCanvasElement} canvas
   * @param {{photo: ImageBitmap, aspect: number, boxes: Float32Array}} of
   */
  constructor(canvas, { photo, aspect, boxes }) {
    this.canvas = canvas;
    this.boxes = boxes;
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
    const style = getComputedStyle(canvas);
    this.more = style.getPropertyValue("--hl-tint");
    this.less = style.getPropertyValue("--hl-less");
    /** Pixels: left, top, width and height. */
    this.frames = Array.from({ length: boxes.length / 4 }, (_, place) => this.frame(place));
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
   * @param {{special: number[], pairing: Pairing, hovered: number, strength: number}} now
   */
  paint(less, { special, pairing, hovered, strength }) {
    const context = contextOf(this.canvas);
    context.fillStyle = "black";
    context.fillRect(0, 0, this.canvas.width, this.canvas.height);
    const [x, y] = [this.canvas.width / this.width, this.canvas.height / this.height];
    context.drawImage(this.darkened, -this.left * x, -this.top * y);
    const { frames } = this;
    const dense = less.map(
      (each, place) => (each || 0) / (frames[place][2] * frames[place][3] || Number.POSITIVE_INFINITY),
    );
    const limit = colourLimit(dense.map(Math.abs), special);
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
      context.fillStyle = `rgb(${level > 0 ? this.more : this.less} / ${(strength * Math.abs(level)) / LEVELS})`;
      for (const place of places) {
        const [left, top, width, height] = frames[place];
        context.fillRect(left, top, width, height);
      }
    }
    frames.forEach((frame, place) => {
      if (frame[2] > 0 && !pairing.paired(place)) hatch(context, frame);
    });
    if (hovered < 0) return;
    context.lineWidth = 2;
    context.strokeStyle = "white";
    const [left, top, width, height] = frames[hovered];
    context.strokeRect(left, top, width, height);
  }
}

/** @param {EventTarget | null} target */
function placeOf(target) {
  const span = target instanceof Element ? target.closest("[data-place]") : null;
  return span instanceof HTMLElement ? Number(span.dataset.place) : null;
}

/**
 * The places, that with the largest size first.
 * @param {Float32Array} sizes [place]
 */
function largest(sizes) {
  return [...sizes.keys()].sort((a, b) => sizes[b] - sizes[a] || a - b);
}
