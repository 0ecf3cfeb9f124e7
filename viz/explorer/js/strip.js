// The token strip: the input as it reads, each token tinted by the weight that it gets.

import { onArrow, within } from "./arrows.js";
import { Gestures } from "./gestures.js";
import { chosen, endOf } from "./selection.js";
import { colourLimit } from "./weights.js";

/** @import { LinkedView, On, Parts, State } from "./types.js" */

/** @implements {LinkedView} */
export class Strip {
  /**
   * @param {Parts} parts
   * @param {On} on
   */
  constructor({ strip: box }, on) {
    this.box = box;
    /** @type {string[]} */
    this.tokens = [];
    /** @type {HTMLElement[]} */
    this.spans = [];
    /** @type {State | null} */
    this.state = null;
    box.classList.add("hl-strip"); // it is "hl-only-text" too
    box.dir = "auto";
    box.tabIndex = 0;
    box.setAttribute("role", "listbox");
    box.setAttribute("aria-label", "Tokens. Arrow keys move the query, with Shift they choose more.");
    box.setAttribute("aria-multiselectable", "true");
    const gestures = new Gestures(box, pressedAt, on);
    box.onpointerover = (event) => {
      if (!gestures.dragging) on("hover", { token: tokenAt(event) });
    };
    box.onpointerleave = () => on("hover", { token: null });
    onArrow(box, (down, across, more) => {
      if (this.state === null) return;
      const { cursor, header, view } = this.state;
      const token = within((more ? endOf(view, header) : cursor) + down + across, this.tokens.length);
      on(more ? "extend" : "move", { token });
      this.spans[token].scrollIntoView({ block: "nearest" });
    });
  }

  /**
   * New tokens; the spans stay where they are the same.
   * @param {State} state
   */
  load({ header: { special, tokens } }) {
    if (tokens.length === this.tokens.length && tokens.every((token, i) => token === this.tokens[i])) return;
    this.tokens = tokens;
    this.spans = tokens.map((token, index) => {
      const span = document.createElement("span");
      span.textContent = token;
      span.classList.toggle("hl-unbroken", token.includes(" "));
      span.classList.toggle("hl-special", Boolean(special[index]));
      span.dataset.token = String(index);
      span.setAttribute("role", "option");
      return span;
    });
    this.box.replaceChildren(...this.spans.flatMap((span) => [span, document.createTextNode(" ")]));
  }

  /**
   * The chosen queries are framed, and the token under the pointer underlined.
   * @param {State} state
   */
  paint(state) {
    const { header, hover, scale, shown, view } = state;
    const { weights } = shown;
    this.state = state;
    const framed = new Set(chosen(view));
    const limit = scale?.limit ?? colourLimit(weights, header.special);
    this.box.classList.toggle("hl-nothing", !weights.some((weight) => weight > 0));
    this.spans.forEach((span, token) => {
      span.style.setProperty("--tint", Math.min(1, weights[token] / limit).toFixed(3));
      span.title = `${(100 * weights[token]).toFixed(2)} %`;
      span.setAttribute("aria-selected", String(framed.has(token)));
      span.classList.toggle("hl-hovered", token === hover.token);
    });
  }
}

/** @param {Event} event */
function pressedAt(event) {
  const token = tokenAt(event);
  return token === null ? null : { token };
}

/** @param {Event} event */
function tokenAt({ target }) {
  const span = target instanceof Element ? target.closest("[data-token]") : null;
  return span instanceof HTMLElement ? Number(span.dataset.token) : null;
}
