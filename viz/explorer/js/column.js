// A or B beside the other: the explorer's views of one recording, on one colour scale with the other's.

import { Bars } from "./bars.js";
import { Chips } from "./chips.js";
import { hatchPatches } from "./hatch.js";
import { partsOf } from "./parts.js";
import { Photo } from "./photo.js";
import { Strip } from "./strip.js";
import { column, HeadWeights, row } from "./weights.js";
import { behind, nameOf, specialShare, targets, title, toldApart } from "./words.js";

/** @import { Arrays, Header, LinkedView, On, PairFields, Scale, State, Theme } from "./types.js" */

export class Column {
  /**
   * @param {HTMLElement} section
   * @param {On} on
   */
  constructor(section, on) {
    const parts = partsOf(section);
    this.parts = parts;
    const bars = new Bars(parts, on);
    /** @type {Record<"text" | "image", LinkedView[]>} */
    this.viewsOf = {
      text: [bars, new Strip(parts, on)],
      image: [bars, new Photo(parts, on), new Chips(parts, on)],
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
    parts.bars.style.visibility = token < 0 ? "hidden" : ""; // what is below must not move under the pointer
    for (const each of this.views) if (token >= 0 || !(each instanceof Bars)) each.paint(this.state);
    if (state.header.grid) hatchPatches(parts.photo, state.header, this.partner);
    const { header } = state;
    parts.title.textContent = token < 0 ? none : `${title(header, view, [token])}:`;
    const others = token < 0 ? "" : targets(header, weights);
    parts.targets.textContent = others;
    const share = specialShare(header, weights, direction);
    parts.special.textContent = behind(others, share.text, share.over);
  }
}
