// A − B of what is shown: a strip, or heat over A's photo, on a scale around zero; and the largest differences as bars.

import { mostBars } from "./bars.js";
import { Buttons } from "./buttons.js";
import { DifferencePhoto } from "./differencephoto.js";
import { BOTH, beyondScale, lessWords, placeNames, placeNumbers, ranked, signed } from "./lesswords.js";
import { SignedColours } from "./signed.js";

/** @import { Ranked } from "./lesswords.js" */
/** @import { Difference, Pairing } from "./pairing.js" */
/** @import { PairHeader, PairParts } from "./types.js" */

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
   * @param {PairParts} parts
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
    this.names = placeNames(header, pairing);
    this.parts.two.hidden = !header.sides[0].grid || !this.names.some((name) => name.includes(BOTH));
    const [{ aspect }] = header.sides;
    const of = photo && aspect && boxes && { photo, aspect, boxes, special: header.special, pairing };
    this.picture = of ? new DifferencePhoto(this.parts.photo, of) : null;
    const written = this.picture ? [] : header.names;
    this.spans = written.map((name, place) => {
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
    const { header } = this.loaded;
    this.difference = difference;
    const less = difference?.less ?? new Float32Array(header.names.length).fill(Number.NaN);
    const differences = ranked(less, header.special);
    const { limit } = differences;
    const most = NAMED[this.picture ? "image" : "text"];
    this.parts.title.textContent = difference ? `${what}: ${lessWords(this.named, differences, most)}` : what;
    this.parts.bars.style.visibility = difference ? "" : "hidden"; // what is below must not move under the pointer
    if (difference) this.bars(difference, differences);
    this.picture?.paint(less, { hovered, strength });
    const { wording } = header.sides[0];
    const differs = differences.order.length > 0; // else the scale has no end that means anything
    this.parts.low.textContent = differs ? signed(wording, -limit) : "";
    this.parts.high.textContent = differs ? signed(wording, limit) : "";
    this.parts.beyond.textContent = difference && beyondScale(this.named, differences);
    this.spans.forEach((span, place) => {
      const share = Math.max(-1, Math.min(1, (less[place] || 0) / limit));
      span.style.backgroundColor = this.colours.of(share);
      span.classList.toggle("hl-hovered", place === hovered);
    });
  }

  /**
   * @param {Difference} difference
   * @param {Ranked} differences
   */
  bars(difference, { less, order, sizes }) {
    const [header] = /** @type {Loaded} */ (this.loaded).header.sides;
    const entries = order.slice(0, mostBars(header)).map((place) => ({
      token: place,
      texts: [this.names[place], ...this.numbers(difference, place)],
      title: `Look from ${this.names[place]}`,
      style: { background: this.colours.of((0.6 * less[place]) / sizes[order[0]]) },
    }));
    this.buttons.show(entries);
  }

  /**
   * In A, in B, and A less B.
   * @param {Difference} difference
   * @param {number} place
   */
  numbers(difference, place) {
    const { header, pairing } = /** @type {Loaded} */ (this.loaded);
    return placeNumbers(header.sides[0].wording, pairing, difference, place);
  }

  /** What the words are of. */
  get named() {
    const { sides, special } = /** @type {Loaded} */ (this.loaded).header;
    return { names: this.names, special, wording: sides[0].wording };
  }
}

/** @param {EventTarget | null} target */
function placeOf(target) {
  const span = target instanceof Element ? target.closest("[data-place]") : null;
  return span instanceof HTMLElement ? Number(span.dataset.place) : null;
}
