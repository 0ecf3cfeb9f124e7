// What is shown, in a sentence, and what is known of the head.

import { behind, specialShare, targets, title } from "./words.js";

/** @import { LinkedView, Parts, State } from "./types.js" */

const MUCH = 0.2; // of the weights on special tokens: from there on the page says why

/** @implements {LinkedView} */
export class Sentence {
  /** @param {Parts} parts */
  constructor(parts) {
    this.parts = parts;
  }

  /** @param {State} state */
  load({ header: { link, role, words, wording } }) {
    this.parts.named.textContent = wording.named;
    this.parts.role.textContent = role;
    this.parts.words.textContent = words;
    this.parts.link.textContent = link;
  }

  /** @param {State} state */
  paint({ header, shown: { tokens, view, weights } }) {
    const { parts } = this;
    parts.title.textContent = `${title(header, view, tokens)}:`;
    const others = targets(header, weights);
    parts.targets.textContent = others;
    const share = specialShare(header, weights, view.direction);
    parts.special.textContent = behind(others, share.text, share.over);
    parts.why.textContent = view.direction === "at" && share.together >= MUCH ? header.why : "";
  }
}
