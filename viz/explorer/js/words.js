// The words of a view: templates of viz/view/wording.py, filled in. Set as text, never as HTML: tokens come from
// strangers.

import { span } from "./selection.js";

/** @import { Header, ViewFields, Wording } from "./types.js" */

const OVER = 1.005; // a weight from which on more than 100 % is written

/**
 * The one word for which heads are shown, as templates, the control and the address have it: "head", "heads-mean",
 * "layer-max", …
 * @param {Pick<ViewFields, "scope" | "reduction">} view
 */
export function headsName({ scope, reduction }) {
  return scope === "head" ? "head" : `${scope}-${reduction}`;
}

/**
 * What a file of a view is called, as viz/view/view.py has it: layer3-head1, 5heads-max, all-max.
 * @param {ViewFields} view
 */
export function fileName(view) {
  if (view.scope === "head") return `layer${view.layer}-head${view.head}`;
  return `${view.heads.length || ""}${headsName(view)}`;
}

/**
 * The scope and the reduction of such a word.
 * @param {string} key
 * @returns {Pick<ViewFields, "scope" | "reduction">}
 */
export function headsOf(key) {
  const [scope, reduction = "mean"] = key.split("-");
  return /** @type {Pick<ViewFields, "scope" | "reduction">} */ ({ scope, reduction });
}

/**
 * A template with each {name} replaced by its value; braces in a value stay as they are.
 * @param {string} template
 * @param {Record<string, string | number>} values
 */
export function fill(template, values) {
  return template.replace(/\{(\w+)\}/g, (_, name) => String(values[name]));
}

/**
 * 51 %, and with more decimals the smaller it is: 8.7 %, 0.87 %, 0.087 %.
 * @param {Wording} wording
 * @param {number} weight
 */
export function percent({ percent: { zero, least, below, limits, unit } }, weight) {
  if (weight < least) return weight > 0 ? below : zero;
  const decimals = limits.filter((limit) => weight < limit).length;
  return `${(100 * weight).toFixed(decimals)}${unit}`;
}

/**
 * A token between isolates where it reads from right to left, so that it does not carry the numbers beside it along.
 * @param {Header} header
 * @param {number} token
 */
function isolated({ tokens, isolate }, token) {
  return isolate.includes(token) ? `\u2068${tokens[token]}\u2069` : tokens[token];
}

/**
 * A header that may have what to call each token: [token].
 * @typedef {Header & {names?: string[]}} Named
 */

/**
 * “it”, [CLS], patch (11, 15).
 * @param {Named} header
 * @param {number} token
 */
export function nameOf(header, token) {
  const { grid, names, prefix, special, wording } = header;
  if (names) return names[token];
  const name = isolated(header, token);
  if (grid && token >= prefix) return fill(wording.patch, { name });
  if (special[token] && wording.unquoted.some((start) => name.startsWith(start))) return name;
  return fill(wording.token, { name });
}

/**
 * Names, each of several that are the same with its position.
 * @param {Wording} wording
 * @param {string[]} names
 * @param {(at: number) => number} position
 */
export function toldApart(wording, names, position = (at) => at) {
  /** @type {Map<string, number>} */
  const counts = new Map();
  for (const name of names) counts.set(name, (counts.get(name) ?? 0) + 1);
  return names.map((name, at) =>
    counts.get(name) === 1 ? name : fill(wording.placed, { name, position: position(at) }),
  );
}

/**
 * The tokens with the largest weights.
 * @param {Header} header
 * @param {Float32Array} weights [token]
 * @param {number} count
 * @param {{special: boolean}} options whether special tokens are among them
 * @returns {[token: number, weight: number][]}
 */
export function strongest(header, weights, count, { special }) {
  const order = [...weights.keys()].filter((token) => special || !header.special[token]);
  order.sort((a, b) => weights[b] - weights[a] || a - b);
  return order.slice(0, count).map((token) => [token, weights[token]]);
}

/**
 * Up to four names, or the first two and the last of more.
 * @param {number} count
 * @param {(index: number) => string} name
 */
function listed(count, name) {
  if (count <= 4) return Array.from({ length: count }, (_, index) => name(index)).join(", ");
  return `${name(0)}, ${name(1)}, … ${name(count - 1)}`;
}

/**
 * “it”, “is”, … “big”, or of a photo patches (2, 2) to (4, 5), 3 × 4.
 * @param {Header} header
 * @param {number[]} tokens sorted
 */
export function namesOf(header, tokens) {
  const { grid, prefix, wording } = header;
  const [first, last] = [tokens[0], tokens[tokens.length - 1]];
  if (grid && tokens.length > 1 && first >= prefix && String(span(header, first, last)) === String(tokens)) {
    const columns = ((last - prefix) % grid[1]) - ((first - prefix) % grid[1]) + 1;
    const ends = { first: isolated(header, first), last: isolated(header, last) };
    return fill(wording.patches, { ...ends, rows: tokens.length / columns, columns });
  }
  return listed(tokens.length, (index) => nameOf(header, tokens[index]));
}

/**
 * Which heads are shown: Layer 3, head 1.
 * @param {Wording} wording
 * @param {ViewFields} view
 */
export function who(wording, view) {
  const { heads, layer, head } = view;
  const names = listed(heads.length, (index) => fill(wording.head, { layer: heads[index][0], head: heads[index][1] }));
  return fill(wording.who[headsName(view)], { layer, head, count: heads.length, heads: names });
}

/**
 * Layer 3, head 1: what “it” looks at.
 * @param {Header} header
 * @param {ViewFields} view
 * @param {number[]} tokens
 */
export function title(header, view, tokens) {
  const { wording } = header;
  const names = namesOf(header, tokens);
  const what =
    tokens.length === 1
      ? fill(wording.what[view.direction], { name: names })
      : fill(wording.several[view.direction], { names, count: tokens.length });
  return fill(wording.title, { who: who(wording, view), what });
}

/**
 * “trophy” 51 %, “suitcase” 33 %: the strongest, and what comes near it; nothing of what cannot be looked at. Of the
 * same name each is told by its position.
 * @param {Named} header
 * @param {Float32Array} weights [token]
 */
export function targets(header, weights) {
  if (!weights.some((weight) => weight > 0)) return header.wording.nothing;
  const best = strongest(header, weights, 3, { special: false });
  const near = best.filter(([, weight], index) => weight > 0 && (index === 0 || weight >= 0.2 * best[0][1]));
  const called = near.map(([token]) => nameOf(header, token));
  const names = toldApart(header.wording, called, (index) => near[index][0]);
  return near.map(([, weight], index) => `${names[index]} ${percent(header.wording, weight)}`).join(", ");
}

/**
 * (61 % to [SEP], 2.0 % to [CLS]), why any weight is above 100 %, and how much special tokens have together.
 * @param {Header} header
 * @param {Float32Array} weights [token]
 * @param {"at" | "by"} direction
 */
export function specialShare({ special, tokens, wording }, weights, direction) {
  /** @type {Map<string, number>} */
  const shares = new Map();
  let together = 0;
  for (let token = 0; token < tokens.length; token++) {
    if (!special[token] || weights[token] === 0) continue; // 0 to the bit: it cannot be looked at
    const name = tokens[token];
    shares.set(name, (shares.get(name) ?? 0) + weights[token]);
    together += weights[token];
  }
  const largest = [...shares].sort((a, b) => b[1] - a[1]).slice(0, 3); // of a text before a photo there are many
  const parts = largest.map(([name, share]) => {
    return fill(wording.special[direction], { percent: percent(wording, share), name });
  });
  const over = largest[0]?.[1] > OVER || weights.some((weight) => weight > OVER);
  return { text: parts.join(", "), over: over ? wording.over : "", together };
}

/**
 * The order of the heads by the weight to a key, as it is chosen.
 * @param {Pick<ViewFields, "queries">} view
 */
export function toKey({ queries: { length } }) {
  return `weight from ${length ? `${length} queries` : "query"} to a key`;
}

/**
 * What it measures: what is given, where the view shows what is received as well.
 * @param {Pick<ViewFields, "direction" | "queries">} view
 */
export function givenToKey({ direction, queries: { length } }) {
  const given = length
    ? `The mean of what the ${length} queries give to this key`
    : "The weight that the query gives to this key";
  return direction === "at" ? `${given}.` : `${given}, not what ${length ? "they get" : "it gets"} from it.`;
}

/**
 * A share of special tokens: in brackets behind the others, or as it is where there are none; and what explains more
 * than 100 %.
 * @param {string} others
 * @param {string} share
 * @param {string} [over]
 */
export function behind(others, share, over = "") {
  return [others && share ? `(${share})` : share, over].filter(Boolean).join(" ");
}
