// A − B of what is shown: a strip, or heat over A's photo, on a scale around zero; and the largest differences as bars.

import { Buttons } from "./buttons.js";
import { DifferencePhoto } from "./differencephoto.js";
import { SignedColours } from "./signed.js";
import { colourLimit } from "./weights.js";
import { percent } from "./words.js";

/** @import { Difference, Pairing } from "./pairing.js" */
/** @import { PairHeader, Parts } from "./types.js" */

const MOST = 8; // bars
export const BOTH = " | "; // between A's patch and B's
const NAMED = { text: 3, image: 2 }; // in the words, of each sign

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
    /** @type {string[]} [place] */
    this.names = [];
    /** @type {DifferencePhoto | null} */
    this.picture = null;
    const { photo, strip } = parts;
    const { low, high, lone, two } = /** @type {Record<string, HTMLElement>} */ (/** @type {unknown} */ (parts));
    /** The ends of the scale. */
    this.low = low;
    this.high = high;
    /** In the legend. */
    this.lone = lone;
    this.two = two;
    this.buttons = new Buttons(parts.bars, "hl-bar hl-numbers", (place) => on("pin", place));
    strip.dir = "auto";
    this.colours = new SignedColours(strip);
    /** @type {Difference | null} */
    this.difference = null;
    strip.onpointerover = ({ target }) => {
      const place = placeOf(target);
      on("hover", place);
      if (place !== null && this.difference) this.spans[place].title = this.numbers(this.difference, place).join(", ");
    };
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
    this.names = header.names.map((_, place) => placeName(header, pairing, place));
    this.two.hidden = !header.sides[0].grid || !this.names.some((name) => name.includes(BOTH));
    this.lone.hidden = header.names.every((_, place) => pairing.paired(place));
    const [{ aspect }] = header.sides;
    this.picture = photo && aspect && boxes ? new DifferencePhoto(this.parts.photo, { photo, aspect, boxes }) : null;
    this.spans = header.names.map((name, place) => {
      const span = document.createElement("span");
      span.textContent = name;
      span.dataset.place = String(place);
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
    this.difference = difference;
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
      span.style.backgroundColor = this.colours.of(share);
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
      const named = near.filter((place) => is(less[place])).slice(0, NAMED[this.picture ? "image" : "text"]);
      return (
        named.length &&
        `${words} ${named.map((place) => `${this.names[place]} ${this.signed(less[place])}`).join(", ")}`
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
      texts: [this.names[place], ...this.numbers(difference, place)],
      title: `Look from ${this.names[place]}`,
      style: { background: this.colours.of((0.6 * difference.less[place]) / top) },
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
}

/**
 * What to call a place of texts; isolated, for it may read from right to left. A part of two patches is called as they
 * are, A's | B's.
 * @param {PairHeader} header
 * @param {Pairing} pairing
 * @param {number} place
 */
export function placeName(header, pairing, place) {
  if (!header.sides[0].grid) return `\u2068${header.names[place]}\u2069`;
  const ats = pairing.at.map((at) => at[place]);
  const [a, b] = header.sides.map(({ tokens }, side) => tokens[ats[side]] ?? "");
  return a && b && a !== b ? `${a}${BOTH}${b}` : a || b;
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
