// A or B beside the other: the explorer's views of one recording, on one colour scale with the other's.

import { Bars } from "./bars.js";
import { Chips } from "./chips.js";
import { hatchPatches } from "./hatch.js";
import { partsOf } from "./parts.js";
import { Photo } from "./photo.js";
import { say } from "./sentence.js";
import { Strip } from "./strip.js";
import { column, HeadWeights, row } from "./weights.js";
import { nameOf, toldApart } from "./words.js";

/** @import { Arrays, Header, LinkedView, On, PairFields, Scale, State, Theme } from "./types.js" */

export class Column {
  /**
   * @param {HTMLElement} section
   * @param {On} on
   */
  constructor(section, on) {
    const parts = partsOf(section);
    this.parts = parts;
    this.bars = new Bars(parts, on);
    /** @type {Record<"text" | "image", LinkedView[]>} */
    this.viewsOf = {
      text: [new Strip(parts, on)],
      image: [new Photo(parts, on), new Chips(parts, on)],
    };
    /** @type {State | null} */
    this.state = null;
    /** @type {Int32Array} [position] of the other side, or -1 */
    this.partner = new Int32Array();
  }

  get views() {
    return this.state?.header.grid ? this.viewsOf.image : this.viewsOf.text;
  }

  /**
   * @param {Header} header
   * @param {Arrays & {lse: Float32Array}} arrays
   * @param {{photo: ImageBitmap | null, theme: Theme, partner: Int32Array}} rest
   */
  load(header, arrays, { photo, theme, partner }) {
    const source = new HeadWeights(arrays, header);
    const { view } = header;
    const shown = { tokens: [], view, weights: new Float32Array(header.tokens.length) };
    const hover = { token: null, head: null };
    const names = header.tokens.map((_, token) => nameOf(header, token));
    const named = header.grid ? header : { ...header, names: toldApart(header.wording, names) };
    this.state = { header: named, arrays, view, hover, cursor: 0, photo, source, shown, theme, scale: null };
    this.partner = partner;
    for (const each of this.views) each.load(this.state);
    if (header.grid) return;
    this.parts.strip.querySelectorAll("[data-token]").forEach((span, token) => {
      span.classList.toggle("hl-lone", partner[token] < 0);
    });
  }

  /** @param {number} token */
  name(token) {
    return this.state ? nameOf(this.state.header, token) : "";
  }

  /**
   * What a token gives or gets, and nothing where there is none: [token].
   * @param {number} token
   * @param {"at" | "by"} direction
   */
  weights(token, direction) {
    const source = this.state?.source;
    if (!source || token < 0) return new Float32Array(source?.count ?? 0);
    return (direction === "at" ? row : column)(source, token);
  }

  /**
   * @param {object} now
   * @param {number} now.token whose weights are shown, -1 for none
   * @param {Float32Array} now.weights
   * @param {number} now.query that is pinned, -1 for none
   * @param {number | null} now.hovered
   * @param {PairFields} now.pair
   * @param {Scale} now.scale
   * @param {string} now.none what is said where there is no token
   */
  paint({ token, weights, query, hovered, pair: { direction, edges, strength }, scale, none }) {
    const { parts, state } = this;
    if (state === null) return;
    const view = { ...state.header.view, query, direction, edges, strength };
    const hover = { token: hovered, head: null };
    this.state = { ...state, view, hover, cursor: query, shown: { tokens: [token], view, weights }, scale };
    for (const each of this.views) each.paint(this.state);
    if (state.header.grid) hatchPatches(parts.photo, state.header, this.partner);
    parts.bars.style.visibility = token < 0 ? "hidden" : ""; // what is below must not move under the pointer
    if (token >= 0) {
      this.bars.paint(this.state);
      say(parts, this.state);
      return;
    }
    parts.title.textContent = none;
    parts.targets.textContent = parts.special.textContent = "";
  }
}
