// The words of a view: templates of viz/view/wording.py, filled in. Set as text, never as HTML: tokens come from strangers.

/** @import { Header, ViewFields, Wording } from "./types.js" */

/**
 * The one word for which heads are shown, as templates, the control and the address have it: "head", "heads-mean", "layer-max", …
 * @param {Pick<ViewFields, "scope" | "reduction">} view
 */
export function headsName({ scope, reduction }) {
  return scope === "head" ? "head" : `${scope}-${reduction}`;
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
 * A header whose names may have something behind them: [token].
 * @typedef {Header & {after?: string[]}} Named
 */

/**
 * “it”, [CLS], patch (11, 15).
 * @param {Named} header
 * @param {number} token
 */
export function nameOf(header, token) {
  const { after, grid, prefix, special, wording } = header;
  const name = isolated(header, token);
  const rest = after?.[token] ?? "";
  if (grid && token >= prefix) return fill(wording.patch, { name });
  if (special[token] && wording.unquoted.some((start) => name.startsWith(start))) return name + rest;
  return fill(wording.token, { name }) + rest;
}

/**
 * The position, " (4)", behind each of several equal names; nothing behind the others.
 * @param {string[]} names
 * @param {(at: number) => number} position
 */
export function positions(names, position = (at) => at) {
  /** @type {Map<string, number>} */
  const counts = new Map();
  for (const name of names) counts.set(name, (counts.get(name) ?? 0) + 1);
  return names.map((name, at) => ((counts.get(name) ?? 0) > 1 ? ` (${position(at)})` : ""));
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
 * “it”, “is”, … “big”.
 * @param {Header} header
 * @param {number[]} tokens
 */
export function namesOf(header, tokens) {
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
 * trophy 51 %, suitcase 33 %: the strongest, and what comes near it; nothing of what cannot be looked at.
 * @param {Named} header
 * @param {Float32Array} weights [token]
 */
export function targets(header, weights) {
  if (!weights.some((weight) => weight > 0)) return header.wording.nothing;
  const best = strongest(header, weights, 3, { special: false });
  const near = best.filter(([, weight], index) => weight > 0 && (index === 0 || weight >= 0.2 * best[0][1]));
  const names = near.map(([token, weight]) => {
    const name = isolated(header, token);
    return `${header.grid ? fill(header.wording.patch, { name }) : name}${header.after?.[token] ?? ""} ${percent(header.wording, weight)}`;
  });
  return names.join(", ");
}

/**
 * 61 % to [SEP], 2.0 % to [CLS], and how much special tokens have together.
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
  return { text: parts.join(", "), together };
}

/**
 * A share of special tokens: in brackets behind the others, or as it is where there are none.
 * @param {string} others
 * @param {string} share
 */
export function behind(others, share) {
  return others && share ? `(${share})` : share;
}
