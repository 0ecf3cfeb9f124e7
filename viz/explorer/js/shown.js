// Whose weights are shown: the pinned view's, or those of the token or head under the pointer.

import { chosen } from "./selection.js";
import { together } from "./weights.js";

/** @import { Head, Shown, State, ViewFields } from "./types.js" */

/**
 * @param {Pick<State, "arrays" | "header" | "hover" | "source" | "view">} state
 * @returns {Shown}
 */
export function shownIn(state) {
  const { arrays, header, hover, source, view } = state;
  const sent = header.view;
  const moved = sent.scope !== "head" || view.layer !== sent.layer || view.head !== sent.head;
  const ahead = view.scope === "head" && moved; // another head is pinned here, and the server has not sent it yet
  const head = hover.head ?? (ahead ? /** @type {Head} */ ([view.layer, view.head]) : null);
  if (head) return preview(state, head);
  // Until the mean or maximum of other heads is here, the words too say what is still shown.
  const { scope, reduction, layer, head: one, heads, direction } = sent;
  const words = { ...view, scope, reduction, layer, head: one, heads };
  const tokens = hover.token === null ? chosen(view) : [hover.token];
  const asSent = () => view.direction === direction && String(tokens) === String(chosen(sent));
  if (arrays.row && (source === null || asSent())) {
    return { tokens: chosen(sent), view: { ...words, direction }, weights: arrays.row };
  }
  if (source === null) throw new Error("the payload has no weights of the view");
  return { tokens, view: words, weights: together(source, tokens, view.direction) };
}

/**
 * A head whose weights have not been sent. What the chosen tokens give to all, or get, is here of every head: in
 * levels of 1/255 of the head's top, and of special tokens exactly.
 * @param {Pick<State, "arrays" | "header" | "view">} state
 * @param {Head} head
 * @returns {Shown}
 */
function preview({ arrays, header, view }, [layer, head]) {
  const index = layer * header.heads + head;
  const count = header.tokens.length;
  const levels = arrays.preview.subarray(index * count, (index + 1) * count);
  const weights = Float32Array.from(levels, (level) => (level / 255) * arrays.tops[index]);
  const specials = header.special.flatMap((is, token) => (is ? [token] : []));
  specials.forEach((token, i) => {
    weights[token] = arrays.previewSpecial[index * specials.length + i];
  });
  const { direction } = header.view;
  /** @type {ViewFields} */
  const words = { ...view, scope: "head", reduction: "mean", layer, head, heads: [], direction };
  return { tokens: chosen(header.view), view: words, weights };
}
