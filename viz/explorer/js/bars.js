// The strongest weights as bars; a press on one pins its token.

import { nameOf, percent, strongest } from "./words.js";

/** @import { LinkedView, On, Parts, State } from "./types.js" */

/** @implements {LinkedView} */
export class Bars {
  /**
   * @param {Parts} parts
   * @param {On} on
   */
  constructor({ bars }, on) {
    this.box = bars;
    this.on = on;
  }

  load() {}

  /** @param {State} state */
  paint({ header, scale, shown }) {
    const strong = strongest(header, shown.weights, header.grid ? 6 : 10, { special: true });
    const pairs = strong.filter(([, weight]) => weight > 0); // 0 to the bit: it cannot be looked at
    const top = scale?.most ?? pairs[0]?.[1];
    const bars = pairs.map(([token, weight]) => {
      const bar = document.createElement("button");
      bar.type = "button";
      bar.className = "hl-bar";
      bar.style.setProperty("--share", String(weight / (top || 1)));
      bar.title = `Look from ${nameOf(header, token)}`;
      const [name, share] = [document.createElement("span"), document.createElement("span")];
      name.textContent = nameOf(header, token);
      share.textContent = percent(header.wording, weight);
      bar.append(name, share);
      bar.onclick = () => this.on("pin", { token });
      return bar;
    });
    this.box.replaceChildren(...bars);
  }
}
