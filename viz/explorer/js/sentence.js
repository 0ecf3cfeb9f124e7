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
  paint(state) {
    const { header, shown } = state;
    const much = say(this.parts, state) >= MUCH;
    this.parts.why.textContent = shown.view.direction === "at" && much ? header.why : "";
  }
}

/**
 * Say what is shown. Gives how much of it special tokens have together.
 * @param {Pick<Parts, "title" | "targets" | "special">} parts
 * @param {Pick<State, "header" | "shown">} state
 */
export function say(parts, { header, shown: { tokens, view, weights } }) {
  parts.title.textContent = `${title(header, view, tokens)}:`;
  const others = targets(header, weights);
  parts.targets.textContent = others;
  const share = specialShare(header, weights, view.direction);
  parts.special.textContent = behind(others, share.text, share.over);
  return share.together;
}
