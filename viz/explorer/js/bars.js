// The strongest weights as bars; a press on one pins its token.

import { Buttons } from "./buttons.js";
import { meaning } from "./gestures.js";
import { nameOf, percent, strongest } from "./words.js";

/** @import { Header, LinkedView, On, Parts, State } from "./types.js" */

/**
 * How many bars there are at most.
 * @param {Header} header
 */
export const mostBars = ({ grid }) => (grid ? 6 : 10);

/** @implements {LinkedView} */
export class Bars {
  /**
   * @param {Parts} parts
   * @param {On} on
   */
  constructor({ bars }, on) {
    // Pressed twice is no word: the second press would be on another bar.
    this.buttons = new Buttons(bars, "hl-bar", (token, event) => on(meaning(event, false), { token }));
  }

  load() {}

  /** @param {State} state */
  paint({ header, scale, shown }) {
    const strong = strongest(header, shown.weights, mostBars(header), { special: true });
    const pairs = strong.filter(([, weight]) => weight > 0); // 0 to the bit: it cannot be looked at
    const top = scale?.most ?? pairs[0]?.[1];
    this.buttons.show(
      pairs.map(([token, weight]) => ({
        token,
        texts: [nameOf(header, token), percent(header.wording, weight)],
        title: `Look from ${nameOf(header, token)}`,
        style: { "--share": String(weight / (top || 1)) },
      })),
    );
  }
}
