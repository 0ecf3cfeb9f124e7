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
    new Gestures(chips, pressedAt, on);
  }

  load() {}

  /** @param {State} state */
  paint({ header, shown: { weights }, view }) {
    const framed = new Set(chosen(view));
    const chips = header.tokens.slice(0, header.prefix).map((name, token) => {
      const chip = document.createElement("button");
      chip.type = "button";
      chip.className = "hl-chip";
      const looked = weights[token] > 0; // 0 to the bit: it cannot be looked at, as what is written of a photo
      chip.textContent = looked ? `${name} ${percent(header.wording, weights[token])}` : name;
      chip.title = looked ? `How much goes to ${name}; press to look from it` : `Press to look from ${name}`;
      chip.setAttribute("aria-pressed", String(framed.has(token)));
      chip.style.setProperty("--share", String(Math.min(1, weights[token])));
      chip.dataset.token = String(token);
      return chip;
    });
    this.box.replaceChildren(...chips);
  }
}

/** @param {Event} event */
function pressedAt({ target }) {
  const chip = target instanceof Element ? target.closest("[data-token]") : null;
  return chip instanceof HTMLElement ? { token: Number(chip.dataset.token) } : null;
}
