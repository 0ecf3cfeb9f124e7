// A head of A beside one of B in one element: one choice, one colour scale and one zoom for both, and A − B.

import { Column } from "./column.js";
import { DifferenceView } from "./difference.js";
import { BOTH } from "./lesswords.js";
import { Matrices } from "./matrices.js";
import { LESS, PairChoice } from "./pairchoice.js";
import { Pairing } from "./pairing.js";
import { partsOf } from "./parts.js";
import { unpack } from "./payload.js";
import { Server } from "./server.js";
import { themeOf } from "./theme.js";
import { colourLimit } from "./weights.js";
import { keepWellFormed } from "./wellformed.js";

/** @import { Difference } from "./pairing.js" */
/** @import { Under } from "./pairchoice.js" */
/** @import { Arrays, Header, On, PairArrays, PairFields, PairHeader, PairParts, Scale, Tell } from "./types.js" */

/** @typedef {PairArrays & Record<string, Float32Array & Uint8Array<ArrayBuffer>>} AllArrays */
/** @typedef {{header: PairHeader, arrays: AllArrays}} Payload */

const NAMES = ["A", "B"];

export class Compared {
  /** @param {HTMLElement} root */
  constructor(root) {
    this.root = root;
    /** @type {Server<PairFields>} */
    this.server = new Server();
    /** @param {string} side */
    const section = (side) => /** @type {HTMLElement} */ (root.querySelector(`[data-side="${side}"]`));
    this.columns = ["a", "b"].map((name, side) => new Column(section(name), this.listener(side)));
    const less = /** @type {PairParts} */ (partsOf(section("less")));
    this.difference = new DifferenceView(less, (event, place) => this.take(event, LESS, place));
    const parts = /** @type {PairParts} */ (partsOf(root));
    this.matrices = new Matrices(parts, (event, place) => this.take(event, LESS, place));
    this.together = parts.together;
    this.together.onclick = () => this.pin(this.choice?.parted() ?? {});
    this.fold = parts.fold;
    this.fold.ontoggle = () => {
      if (this.view && this.fold.open !== this.view.matrix) this.pin({ matrix: this.fold.open });
    };
    /** @type {NodeListOf<HTMLButtonElement | HTMLInputElement>} */
    this.options = root.querySelectorAll("[data-set]");
    for (const option of this.options) this.listenTo(option);
    /** @type {PairFields | null} */
    this.view = null;
    /** @type {(Payload & {photos: (ImageBitmap | null)[], pairing: Pairing}) | null} */
    this.held = null;
    /** @type {Under | null} */
    this.hover = null;
    /** What both give or get, and what they differ by; null where only one has the query. @type {Difference | null} */
    this.less = null;
    this.turn = 0; // of the payloads
    /** @type {number | undefined} */
    this.pending = undefined;
  }

  /**
   * @param {number} side
   * @returns {On}
   */
  listener(side) {
    return (event, target) => {
      const token = "token" in target ? (target.token ?? null) : null;
      if (event === "drag") return this.take("hover", side, token);
      if (event === "drop") return this.take("pin", side, this.hover?.token ?? null);
      return this.take(event, side, token);
    };
  }

  /** @param {HTMLButtonElement | HTMLInputElement} control */
  listenTo(control) {
    const { set = "", value } = control.dataset;
    const change = () => ({ [set]: value ?? Number(control.value) });
    if (control instanceof HTMLButtonElement) control.onclick = () => this.pin(change());
    else {
      control.oninput = () => this.show(change());
      control.onchange = () => this.pin(change());
    }
  }

  /** What is chosen; null before the first payload. */
  get choice() {
    return this.held && this.view && new PairChoice(this.held.pairing, this.view, this.hover);
  }

  /**
   * Take in a payload.
   * @param {Payload} payload
   * @param {Tell} tell
   */
  async load(payload, tell) {
    const { header } = payload;
    if (header.sent && this.held?.header.id !== header.id) {
      return tell("view", { ...header.view, of: header.id, at: Date.now() }); // no "has": send all
    }
    const turn = ++this.turn;
    const held = header.sent && this.held ? this.held : await hold(payload);
    if (turn !== this.turn) return; // a newer payload came while the photos were decoded
    this.held = held;
    this.view = this.server.receive(header, tell);
    this.root.dataset.kind = header.sides[0].grid ? "image" : "text";
    const { arrays, pairing, photos } = held;
    this.root.toggleAttribute(
      "data-lone",
      header.names.some((_, place) => !pairing.paired(place)),
    );
    const theme = themeOf(this.root, /** @type {Arrays} */ (/** @type {unknown} */ (arrays)));
    this.columns.forEach((column, side) => {
      const own = { photo: photos[side], theme, partner: pairing.partner[side] };
      column.load(header.sides[side], ofSide(arrays, NAMES[side]), own);
    });
    this.difference.load({ header, pairing, boxes: arrays.boxes, photo: photos[0] });
    this.paint();
    await this.matrices.load(held.header, arrays, pairing);
    if (turn !== this.turn) return;
    // For tests and benchmarks: what has been painted.
    this.root.dataset.painted = JSON.stringify([header.id, header.view.query, header.view.query2, header.view.matrix]);
    this.server.painted();
  }

  /**
   * @param {string} event
   * @param {number} side
   * @param {number | null} token a position, or of A − B a place
   */
  take(event, side, token) {
    if (event !== "hover") {
      if (token !== null) this.pin(this.choice?.pinning(side, token) ?? {});
      return;
    }
    this.hover = token === null ? null : { side, token };
    this.pending ??= requestAnimationFrame(() => {
      this.pending = undefined;
      this.paint();
    });
  }

  /** Change the view here and now; the server is told of it. @param {Partial<PairFields>} change */
  pin(change) {
    if (this.view === null) return;
    this.hover = null;
    this.show(change);
    this.server.pin(this.view);
  }

  /** @param {Partial<PairFields>} change */
  show(change) {
    if (this.view === null) return;
    this.view = { ...this.view, ...change };
    this.paint();
  }

  paint() {
    const { held, choice, view } = this;
    if (held === null || choice === null || view === null) return;
    const { pairing } = held;
    const { sides } = held.header;
    const { apart, hover, pinned } = choice;
    const { place, tokens, under } = choice.shown;
    const { direction, strength } = view;
    const weights = this.columns.map((column, side) => column.weights(tokens[side], direction));
    const scale = scaleOf(weights, sides);
    const names = tokens.map((token, side) => (token < 0 ? "" : this.columns[side].name(token)));
    this.columns.forEach((column, side) => {
      const hovered = under && under[side] >= 0 ? under[side] : null;
      const none = `${names[1 - side]} of ${NAMES[1 - side]} has no partner in ${NAMES[side]}.`;
      const now = { token: tokens[side], weights: weights[side], query: pinned[side], hovered };
      column.paint({ ...now, pair: view, scale, none });
    });
    const sources = this.columns.flatMap(({ state }) => state?.source ?? []);
    this.less = apart ? pairing.apart(weights, direction) : pairing.atPlace(sources, direction, place);
    const patches = sides[0].grid && tokens.map((token, side) => sides[side].tokens[token] ?? "");
    const what = whatOf({ names, patches, apart, difference: this.less !== null, direction });
    const hovered = hover ? choice.placeOf(hover.side, hover.token) : -1;
    this.difference.paint(this.less, { what, hovered, strength: strength / 100 });
    this.matrices.paint(place, direction);
    this.paintControls(view, apart);
  }

  /**
   * @param {PairFields} view
   * @param {boolean} apart
   */
  paintControls(view, apart) {
    for (const control of this.options) {
      const { set = "", value } = control.dataset;
      const now = view[/** @type {keyof PairFields} */ (set)];
      if (control instanceof HTMLButtonElement) control.setAttribute("aria-pressed", String(now === value));
      else control.value = String(now);
    }
    this.together.setAttribute("aria-pressed", String(!apart));
    this.fold.open = view.matrix;
  }
}

/** @param {Payload} payload */
async function hold({ arrays, header }) {
  const photos = await Promise.all(NAMES.map((side) => photoOf(arrays[`photo${side}`])));
  return { arrays, header, photos, pairing: new Pairing(arrays, header.names.length) };
}

/**
 * What A − B is of, or why it is of nothing.
 * @param {{names: string[], patches: string[] | null, apart: boolean, difference: boolean, direction: "at" | "by"}} of
 */
export function whatOf({ names: [a, b], patches, apart, difference, direction }) {
  if (!difference) return `Only ${a ? "A" : "B"} has ${a || b}: there is nothing to be compared with what it looks at.`;
  const two = apart || (a && b && a !== b);
  if (two && patches) return `${direction === "at" ? "from" : "to"} ${patches.join(BOTH)}`;
  const which = two ? `${a} of A and ${b} of B` : a || b;
  return direction === "at" ? `what ${which} ${two ? "look" : "looks"} at` : `who looks at ${which}`;
}

/**
 * The scale that the weights of A and of B share.
 * @param {Float32Array[]} weights
 * @param {Header[]} sides
 * @returns {Scale}
 */
export function scaleOf(weights, sides) {
  const both = weights.flatMap((each) => [...each]);
  const special = sides.flatMap((side) => side.special);
  return { limit: colourLimit(both, special), most: colourLimit(both, []) };
}

/**
 * The arrays of one side, by the names that they have in an explorer's payload.
 * @param {AllArrays} arrays
 * @param {string} side
 */
function ofSide(arrays, side) {
  const names = ["lse", "query", "key", "mask"].filter((name) => arrays[name + side]);
  const own = Object.fromEntries(names.map((name) => [name, arrays[name + side]]));
  return /** @type {Arrays & {lse: Float32Array}} */ (/** @type {unknown} */ (own));
}

/** @param {Uint8Array<ArrayBuffer> | undefined} bytes of a JPEG */
async function photoOf(bytes) {
  return bytes ? createImageBitmap(new Blob([bytes])) : null;
}

/**
 * Called by Streamlit at the first paint, and again at each change of data or theme.
 * @param {object} component
 * @param {Uint8Array<ArrayBuffer>} component.data
 * @param {HTMLElement} component.parentElement
 * @param {(name: string, value: unknown) => void} component.setStateValue
 */
export default function render({ data, parentElement, setStateValue }) {
  keepWellFormed(document);
  const root = /** @type {HTMLElement & {compared?: Compared}} */ (parentElement.querySelector(".hl"));
  root.compared ??= new Compared(root);
  root.compared.load(/** @type {Payload} */ (/** @type {unknown} */ (unpack(data))), setStateValue);
}
