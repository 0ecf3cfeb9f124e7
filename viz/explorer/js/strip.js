// The token strip: the input as it reads, each token tinted by the weight that it gets.

import { onArrow, within } from "./arrows.js";
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
    this.cursor = 0;
    box.classList.add("hl-strip"); // it is "hl-only-text" too
    box.dir = "auto";
    box.tabIndex = 0;
    box.setAttribute("role", "listbox");
    box.setAttribute("aria-label", "Tokens. Arrow keys move the query.");
    box.onpointerover = (event) => on("hover", { token: tokenAt(event) });
    box.onpointerleave = () => on("hover", { token: null });
    box.onclick = (event) => {
      const token = tokenAt(event);
      if (token !== null) on("pin", { token });
    };
    onArrow(box, (down, across) => {
      on("move", { token: within(this.cursor + down + across, this.tokens.length) });
      this.spans[this.cursor].scrollIntoView({ block: "nearest" });
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
   * The pinned query is framed, and the token under the pointer underlined.
   * @param {State} state
   */
  paint({ cursor, header, hover, scale, shown: { weights }, view }) {
    this.cursor = cursor;
    const limit = scale?.limit ?? colourLimit(weights, header.special);
    this.box.classList.toggle("hl-nothing", !weights.some((weight) => weight > 0));
    this.spans.forEach((span, token) => {
      span.style.setProperty("--tint", Math.min(1, weights[token] / limit).toFixed(3));
      span.title = `${(100 * weights[token]).toFixed(2)} %`;
      span.setAttribute("aria-selected", String(token === view.query));
      span.classList.toggle("hl-hovered", token === hover.token);
    });
  }
}

/** @param {Event} event */
function tokenAt({ target }) {
  const span = target instanceof Element ? target.closest("[data-token]") : null;
  return span instanceof HTMLElement ? Number(span.dataset.token) : null;
}
