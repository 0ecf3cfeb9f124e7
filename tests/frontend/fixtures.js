// A header as the server sends it, with templates that are not Python's: the modules may have no words of their own.

/** @import { Header, ViewFields, Wording } from "../../viz/explorer/js/types.js" */

/** @type {Wording} */
export const WORDING = {
  who: {
    head: "L{layer}H{head}",
    "heads-max": "max of {count}: {heads}",
    "layer-mean": "L{layer} mean",
    "all-max": "all max",
  },
  head: "{layer}/{head}",
  role: { one: "L{layer}H{head} is {role}", several: "L{layer}H{head} at last is {role}" },
  what: { at: "from {name}", by: "to {name}" },
  several: { at: "mean from {count}: {names}", by: "sum to {count}: {names}" },
  title: "<{who}> {what}",
  patch: "cell {name}",
  patches: "cells {first}-{last} ({rows}x{columns})",
  named: "",
  token: "'{name}'",
  placed: "{name}@{position}",
  nothing: "at all",
  over: "more than all",
  unquoted: ["[", "<"],
  special: { at: "{name} gets {percent}", by: "{name} gives {percent}" },
  percent: { zero: "none", least: 0.001, below: "hardly any", limits: [0.1, 0.01], unit: " pc" },
};

/** @type {ViewFields} */
export const VIEW = {
  layer: 1,
  head: 2,
  query: 1,
  scope: "head",
  reduction: "mean",
  direction: "at",
  log: false,
  order: "layer",
  placed: false,
  key: 0,
  shared: false,
  edges: "crisp",
  strength: 85,
  matrix: false,
  queries: [],
  heads: [],
  pick: false,
};

/**
 * A text of four tokens in two layers of three heads, or what the changes make of it.
 * @param {Partial<Header>} changes
 * @returns {Header}
 */
export function header(changes = {}) {
  return {
    id: "a recording",
    view: VIEW,
    wording: WORDING,
    tokens: ["[CLS]", "it", "שלום", "[SEP]"],
    isolate: [2],
    special: [1, 0, 0, 1],
    unit: "token",
    wordIds: [-1, 0, 1, -1],
    groups: null,
    prefix: 0,
    grid: null,
    aspect: null,
    layers: 2,
    heads: 3,
    scale: 0.5,
    softcap: null,
    causal: false,
    side: 4,
    sent: false,
    order: [0, 1].flatMap((layer) =>
      [0, 1, 2].map((head) => /** @type {[number, number, number]} */ ([layer, head, 0])),
    ),
    measures: [],
    why: "",
    role: "",
    words: "",
    more: false,
    link: "",
    figure: null,
    matrixNote: "",
    gridNote: "",
    save: null,
    ...changes,
  };
}
