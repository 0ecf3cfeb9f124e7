// The explorer in a file of its own: everything of one recording is in the document, and answers in a server's place.

import { Answers } from "./answers.js";
import { Explorer } from "./explorer.js";
import { unpack } from "./payload.js";
import { takePlotlyFrom } from "./plotly.js";
import { Recorded } from "./recorded.js";

/** @import { Kept } from "./recorded.js" */
/** @import { Arrays, Tell, ViewFields } from "./types.js" */

const TURN = 30; // milliseconds after which what takes long lets the page go on
const FAILED = "This file cannot be opened: it is damaged, or the browser is older than 2023.";

/**
 * Show what the document holds, or say that it cannot be.
 * @param {Document} document
 */
export default async function open(document) {
  const root = document.querySelector(".hl");
  if (!(root instanceof HTMLElement)) throw new Error("the file has no explorer");
  try {
    await start(document, root);
  } catch (error) {
    root.replaceWith(FAILED);
    throw error;
  }
}

/**
 * @param {Document} document
 * @param {HTMLElement} root
 */
async function start(document, root) {
  takePlotlyFrom(async () => {
    const script = new Blob([await stored(document, "plotly")], { type: "text/javascript" });
    return URL.createObjectURL(script);
  });
  const explorer = new Explorer(root);
  Object.assign(root, { explorer }); // it is found there, as on the page
  /** @type {unknown} */
  const unpacked = unpack(await stored(document, "recording"));
  const everything = /** @type {{header: Kept, arrays: Arrays}} */ (unpacked);
  const answers = new Answers(new Recorded(everything), turns());
  let latest = answers.first;
  /** @param {ViewFields} view */
  const show = async (view) => {
    latest = view;
    root.ariaBusy = "true"; // heads that are made one take a while in a long input
    const answer = await answers.to(view);
    if (latest !== view) return;
    root.ariaBusy = "false";
    await explorer.load(answer, tell);
  };
  /** @type {Tell} */
  const tell = (name, value) => {
    if (name !== "view") return;
    const { of, has, at, ...view } = /** @type {ViewFields & {of: unknown, has: unknown, at: unknown}} */ (value);
    show(view);
  };
  // Light letters on a dark ground, or the other way round: what is drawn on canvases and by plotly.js is drawn anew.
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => show(latest));
  await show(latest);
}

/**
 * What a script element of the document holds: gzip in base64.
 * @param {Document} document
 * @param {string} id
 */
async function stored(document, id) {
  const text = atob(document.getElementById(id)?.textContent ?? "");
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < bytes.length; i++) bytes[i] = text.charCodeAt(i); // Uint8Array.from takes twenty times as long
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

/** Lets the page go on, but not more often than it needs to. */
function turns() {
  let since = performance.now();
  return async () => {
    if (performance.now() - since < TURN) return;
    await new Promise((done) => setTimeout(done));
    since = performance.now();
  };
}
