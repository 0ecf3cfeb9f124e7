// The strongest weights as bars, and the prefix tokens of an image as chips that can be pinned.

import { nameOf, percent, strongest } from "./words.js";

/** Bars of the largest weights; a press on one pins its token. */
export function paintBars(box, header, weights, count, on) {
  const pairs = strongest(header, weights, count, false);
  const rows = pairs.map(([token, weight]) => {
    const bar = document.createElement("button");
    bar.type = "button";
    bar.className = "hl-bar";
    bar.style.setProperty("--share", weight / (pairs[0][1] || 1));
    bar.title = `Look from ${nameOf(header, token)}`;
    const [name, share] = [document.createElement("span"), document.createElement("span")];
    name.textContent = nameOf(header, token);
    share.textContent = percent(weight);
    bar.append(name, share);
    bar.onclick = () => on("pin", token);
    return bar;
  });
  box.replaceChildren(...rows);
}

/** A chip for each prefix token, with the weight that it gets. */
export function paintChips(box, header, weights, query, on) {
  const chips = Array.from({ length: header.prefix }, (_, token) => {
    const chip = document.createElement("button");
    chip.type = "button";
    chip.className = "hl-chip";
    chip.textContent = `${header.tokens[token]} ${percent(weights[token])}`;
    chip.title = `How much goes to ${header.tokens[token]}; press to look from it`;
    chip.setAttribute("aria-pressed", token === query);
    chip.style.setProperty("--share", Math.min(1, weights[token]));
    chip.onclick = () => on("pin", token);
    return chip;
  });
  box.replaceChildren(...chips);
}
