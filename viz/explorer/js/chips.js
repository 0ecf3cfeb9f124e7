// The prefix tokens of an image as chips, each with the weight that it gets; a press on one pins it.

import { Gestures } from "./gestures.js";
import { chosen } from "./selection.js";
import { percent } from "./words.js";

/** @import { LinkedView, On, Parts, State } from "./types.js" */

/** @implements {LinkedView} */
export class Chips {
  /**
   * @param {Parts} parts
   * @param {On} on
   */
  constructor({ chips }, on) {
    this.box = chips;
    /** @type {HTMLElement[]} */
    this.chips = [];
    new Gestures(chips, pressedAt, on);
  }

  /**
   * As many as there are; those that are here stay, with the focus that one of them may have.
   * @param {State} state
   */
  load({ header: { prefix } }) {
    while (this.chips.length > prefix) this.chips.pop()?.remove();
    while (this.chips.length < prefix) {
      const chip = document.createElement("button");
      chip.type = "button";
      chip.className = "hl-chip";
      chip.dataset.token = String(this.chips.length);
      this.chips.push(chip);
      this.box.append(chip);
    }
  }

  /** @param {State} state */
  paint({ header, shown: { weights }, view }) {
    const framed = new Set(chosen(view));
    header.tokens.slice(0, header.prefix).forEach((name, token) => {
      const chip = this.chips[token];
      const looked = weights[token] > 0; // 0 to the bit: it cannot be looked at, as what is written of a photo
      chip.textContent = looked ? `${name} ${percent(header.wording, weights[token])}` : name;
      chip.title = looked ? `How much goes to ${name}; press to look from it` : `Press to look from ${name}`;
      chip.setAttribute("aria-pressed", String(framed.has(token)));
      chip.style.setProperty("--share", String(Math.min(1, weights[token])));
    });
  }
}

/** @param {Event} event */
function pressedAt({ target }) {
  const chip = target instanceof Element ? target.closest("[data-token]") : null;
  return chip instanceof HTMLElement ? { token: Number(chip.dataset.token) } : null;
}
