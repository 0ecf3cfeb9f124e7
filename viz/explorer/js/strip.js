// The token strip: the input as it reads, each token tinted by the weight that it gets.

import { colourLimit } from "./weights.js";

export class Strip {
  /** Draws into the box; on(event, token) hears "hover" (null: over none) and "pin". */
  constructor(box, on) {
    this.box = box;
    box.classList.add("hl-strip"); // it is "hl-only-text" too
    box.dir = "auto";
    box.tabIndex = 0;
    box.setAttribute("role", "listbox");
    box.setAttribute("aria-label", "Tokens. Arrow keys move the query.");
    const tokenAt = (event) => {
      const span = event.target.closest("[data-token]");
      return span ? Number(span.dataset.token) : null;
    };
    box.onpointerover = (event) => on("hover", tokenAt(event));
    box.onpointerleave = () => on("hover", null);
    box.onclick = (event) => {
      const token = tokenAt(event);
      if (token !== null) on("pin", token);
    };
    box.onkeydown = (event) => {
      const step = { ArrowLeft: -1, ArrowUp: -1, ArrowRight: 1, ArrowDown: 1 }[event.key];
      if (step === undefined) return;
      event.preventDefault();
      on("move", Math.min(this.tokens.length - 1, Math.max(0, this.at + step)));
      this.spans[this.at].scrollIntoView({ block: "nearest" });
    };
  }

  /** New tokens; keeps the spans when they are the same. */
  load(tokens) {
    if (this.tokens && tokens.length === this.tokens.length && tokens.every((token, i) => token === this.tokens[i])) return;
    this.tokens = tokens;
    this.spans = tokens.map((token, number) => {
      const span = document.createElement("span");
      span.textContent = token;
      span.dataset.token = number;
      span.setAttribute("role", "option");
      return span;
    });
    this.box.replaceChildren(...this.spans.flatMap((span) => [span, document.createTextNode(" ")]));
  }

  /** Tint by weights [token]; the pinned query is framed, and the one under the pointer underlined; the keys move
   *  from the token that they are at. */
  paint(weights, special, query, hovered, at) {
    this.at = at;
    const limit = colourLimit(weights, special);
    this.spans.forEach((span, token) => {
      span.style.setProperty("--tint", Math.min(1, weights[token] / limit).toFixed(3));
      span.title = `${(100 * weights[token]).toFixed(2)} %`;
      span.setAttribute("aria-selected", token === query);
      span.classList.toggle("hl-hovered", token === hovered);
    });
  }
}
