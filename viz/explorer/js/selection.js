// Several tokens or heads chosen at once: viz/view/view.py says what a view may have of them, viz/view/chosen.py how
// many.

/** @import { Head, Header, ViewFields } from "./types.js" */

export const MOST = 1024; // tokens
export const MOST_RUNS = 100;
export const MOST_HEADS = 256;

/** @typedef {Pick<Header, "grid" | "prefix" | "wordIds">} Places */
/** @typedef {Pick<ViewFields, "query" | "queries">} Tokens */

/**
 * The tokens whose weights are seen: their mean for what they look at, their sum for what looks at them.
 * @param {Tokens} view
 */
export function chosen({ query, queries }) {
  return queries.length ? queries : [query];
}

/**
 * The view as Python has it: what is chosen holds the query, or the head, and more; or nothing.
 * @param {ViewFields} view
 * @returns {ViewFields}
 */
export function normal(view) {
  const queries = view.queries.length > 1 && view.queries.includes(view.query) ? view.queries : [];
  const several = view.scope === "heads" && view.heads.length > 1 && holds(view.heads, [view.layer, view.head]);
  const scope = view.scope === "heads" && !several ? "head" : view.scope;
  const reduction = scope === "head" ? "mean" : view.reduction;
  return { ...view, scope, reduction, queries, heads: several ? view.heads : [] };
}

/**
 * What is chosen after something was done to a token.
 * @param {Tokens} view
 * @param {Places} places
 * @param {string} event as a view tells it
 * @param {object} target
 * @param {number} target.token
 * @param {number} [target.from] where a drag began
 * @param {number[]} target.adds what it adds to
 * @returns {Tokens}
 */
export function after(view, places, event, { token, from = token, adds }) {
  if (event === "extend") return bounded(view.query, span(places, view.query, token));
  if (event === "word") return bounded(token, wordOf(places, token));
  if (event === "drag") return bounded(from, [...adds, ...span(places, from, token)]);
  if (event === "toggle") return toggled(view, token);
  return { query: token, queries: [] };
}

/**
 * One token more, or less.
 * @param {Tokens} view
 * @param {number} token
 * @returns {Tokens}
 */
function toggled(view, token) {
  const before = chosen(view);
  if (!before.includes(token)) return bounded(token, [...before, token]);
  const left = before.filter((other) => other !== token);
  if (left.length === 0) return view; // something is always chosen
  return bounded(left.includes(view.query) ? view.query : left[left.length - 1], left);
}

/**
 * The tokens between two, or of a photo the patches of the rectangle that has them in its corners.
 * @param {Places} places
 * @param {number} from
 * @param {number} to
 */
export function span({ grid, prefix }, from, to) {
  if (grid === null || from < prefix || to < prefix) return range(Math.min(from, to), Math.max(from, to));
  return rectangle([from - prefix, to - prefix], grid[1]).map((patch) => prefix + patch);
}

/**
 * The tokens of the word that a token is part of; itself where it is of none.
 * @param {Pick<Header, "wordIds">} places
 * @param {number} token
 */
function wordOf({ wordIds }, token) {
  if (wordIds[token] < 0) return [token];
  return [...wordIds.keys()].filter((other) => wordIds[other] === wordIds[token]);
}

/**
 * Where what is chosen ends, seen from the query: the token, or the corner, that the arrow keys with shift move.
 * @param {Tokens} view
 * @param {Places} places
 */
export function endOf({ query, queries }, { grid, prefix }) {
  if (queries.length === 0) return query;
  const [first, last] = [queries[0], queries[queries.length - 1]];
  if (grid === null || first < prefix) return query === first ? last : first;
  const patches = queries.map((token) => token - prefix);
  return prefix + opposite(query - prefix, patches, grid[1]);
}

/**
 * All places of the smallest rectangle that some stand in.
 * @param {number[]} places row by row
 * @param {number} columns
 */
export function rectangle(places, columns) {
  const [[top, left], [bottom, right]] = corners(places, columns);
  return range(top, bottom).flatMap((row) => range(left, right).map((column) => row * columns + column));
}

/**
 * The corner of that rectangle opposite to one of the places, which is in a corner itself.
 * @param {number} place
 * @param {number[]} places
 * @param {number} columns
 */
export function opposite(place, places, columns) {
  const [[top, left], [bottom, right]] = corners(places, columns);
  const row = Math.floor(place / columns) === top ? bottom : top;
  return row * columns + (place % columns === left ? right : left);
}

/**
 * The first row and column that any of the places stands in, and the last ones.
 * @param {number[]} places
 * @param {number} columns
 */
function corners(places, columns) {
  const rows = places.map((place) => Math.floor(place / columns));
  const across = places.map((place) => place % columns);
  return [
    [Math.min(...rows), Math.min(...across)],
    [Math.max(...rows), Math.max(...across)],
  ];
}

/**
 * Sorted, each once, and as many as may be chosen: those up to the query, which is among them.
 * @param {number} query
 * @param {number[]} tokens
 * @returns {Tokens}
 */
export function bounded(query, tokens) {
  const sorted = [...new Set(tokens)].sort((a, b) => a - b);
  const first = Math.max(0, sorted.indexOf(query) - MOST + 1);
  const kept = sorted.slice(first, first + MOST);
  const found = runs(kept);
  const at = Math.max(0, found.findIndex(([, last]) => query <= last) - MOST_RUNS + 1);
  const some = found.slice(at, at + MOST_RUNS);
  const [low, high] = [some[0][0], some[some.length - 1][1]];
  const queries = kept.filter((token) => low <= token && token <= high);
  return { query, queries: queries.length > 1 ? queries : [] };
}

/**
 * The first and the last of each run of numbers that follow one another.
 * @param {number[]} sorted
 * @returns {[number, number][]}
 */
export function runs(sorted) {
  /** @type {[number, number][]} */
  const found = [];
  for (const number of sorted) {
    const last = found[found.length - 1];
    if (last && number === last[1] + 1) last[1] = number;
    else found.push([number, number]);
  }
  return found;
}

/**
 * What is chosen of the heads after some were pressed: they alone, or with or without the ones before.
 * @param {ViewFields} view
 * @param {boolean} adds
 * @param {Head[]} pressed
 * @returns {Partial<ViewFields>}
 */
export function headsAfter(view, adds, pressed) {
  const before = headsOfView(view);
  const all = pressed.every((head) => holds(before, head));
  const others = before.filter((head) => !holds(pressed, head));
  let heads = adds ? (all ? others : [...others, ...pressed]) : pressed;
  if (heads.length === 0) heads = before; // something is always chosen
  heads = sorted(heads).slice(0, MOST_HEADS);
  const [layer, head] = heads.findLast((each) => holds(pressed, each)) ?? heads[heads.length - 1];
  return { layer, head, scope: "heads", heads };
}

/**
 * Heads that the view's own is one of, which stays: as many as may be chosen, those up to it.
 * @param {ViewFields} view
 * @param {Head[]} heads
 * @returns {Partial<ViewFields>}
 */
export function headsFrom({ head, layer }, heads) {
  const all = sorted(heads);
  const own = all.findIndex((each) => holds([each], [layer, head]));
  const first = Math.max(0, own - MOST_HEADS + 1);
  return { layer, head, scope: "heads", heads: all.slice(first, first + MOST_HEADS) };
}

/**
 * By layer and head.
 * @param {Head[]} heads
 */
function sorted(heads) {
  return heads.toSorted((a, b) => a[0] - b[0] || a[1] - b[1]);
}

/**
 * The heads that are chosen one by one.
 * @param {ViewFields} view
 * @returns {Head[]}
 */
function headsOfView({ head, heads, layer, scope }) {
  if (scope === "heads") return heads;
  return scope === "head" ? [[layer, head]] : [];
}

/**
 * @param {Head[]} heads
 * @param {Head} head
 */
export function holds(heads, [layer, head]) {
  return heads.some((other) => other[0] === layer && other[1] === head);
}

/**
 * @param {number} first
 * @param {number} last
 */
export function range(first, last) {
  return Array.from({ length: last - first + 1 }, (_, index) => first + index);
}
