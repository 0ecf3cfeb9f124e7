// A head of A beside one of B in one element: one selection, one colour scale and one zoom for both, and A − B.

import { Column, partsOf } from "./column.js";
import { DifferenceView } from "./difference.js";
import { Matrices } from "./matrices.js";
import { Pairing } from "./pairing.js";
import { unpack } from "./payload.js";
import { Server } from "./server.js";
import { themeOf } from "./theme.js";
import { colourLimit } from "./weights.js";
import { keepWellFormed } from "./wellformed.js";

/** @import { Tokens } from "./pairing.js" */
/** @import { Arrays, Header, On, PairArrays, PairFields, PairHeader, Scale, Tell } from "./types.js" */

/** @typedef {{header: PairHeader, arrays: PairArrays & Record<string, Float32Array & Uint8Array<ArrayBuffer>>}} Payload */

const NAMES = ["A", "B"];
const LESS = 2; // the side that is A − B: its tokens are places

export class Compared {
  /** @param {HTMLElement} root */
  constructor(root) {
    this.root = root;
    /** @type {Server<PairFields>} */
    this.server = new Server();
    /** @param {string} side */
    const section = (side) => /** @type {HTMLElement} */ (root.querySelector(`[data-side="${side}"]`));
    this.columns = ["a", "b"].map((name, side) => new Column(section(name), this.listener(side)));
    this.difference = new DifferenceView(partsOf(section("less")), (event, place) => this.take(event, LESS, place));
    const parts = partsOf(root);
    this.matrices = new Matrices(parts, (event, place) => this.take(event, LESS, place));
    this.together = /** @type {HTMLElement} */ (root.querySelector('[data-part="together"]'));
    this.together.onclick = () => this.pin(this.parted());
    this.fold = parts.fold;
    this.fold.ontoggle = () => {
      if (this.view && this.fold.open !== this.view.matrix) this.pin({ matrix: this.fold.open });
    };
    /** @type {NodeListOf<HTMLButtonElement | HTMLInputElement>} */
    this.options = root.querySelectorAll("[data-set]");
    for (const option of this.options) this.listenTo(option);
    /** @type {PairFields | null} */
    this.view = null;
    /** @type {Payload | null} */
    this.payload = null;
    this.pairing = new Pairing(EMPTY, 0);
    /** What is under the pointer. @type {{side: number, token: number} | null} */
    this.hover = null;
    this.turn = 0; // of the payloads
    /** @type {number | undefined} */
    this.pending = undefined;
  }

  /**
   * @param {number} side
   * @returns {On}
   */
  listener(side) {
    return (event, target) => this.take(event, side, "token" in target ? target.token : null);
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

  /**
   * Take in a payload.
   * @param {Payload} fresh
   * @param {Tell} tell
   */
  async load(fresh, tell) {
    const { header } = fresh;
    const held = this.payload?.header.id === header.id ? this.payload : null;
    if (header.sent && held === null) return tell("view", { ...header.view, of: header.id, at: Date.now() }); // no "has"
    const { arrays, header: full } = header.sent && held ? held : fresh;
    const turn = ++this.turn;
    const photos = await Promise.all(NAMES.map((side) => photoOf(arrays[`photo${side}`])));
    if (turn !== this.turn) return; // a newer payload came while the photos were decoded
    this.payload = { arrays, header: full };
    this.view = this.server.receive(header, tell);
    this.pairing = new Pairing(arrays, header.names.length);
    this.root.dataset.kind = header.sides[0].grid ? "image" : "text";
    const theme = themeOf(this.root, /** @type {Arrays} */ (/** @type {unknown} */ (arrays)));
    this.columns.forEach((column, side) => {
      const own = { photo: photos[side], theme, partner: this.pairing.partner[side] };
      column.load(header.sides[side], ofSide(arrays, NAMES[side]), own);
    });
    const { boxes } = arrays;
    this.difference.load({ header, pairing: this.pairing, boxes, photo: photos[0] });
    this.paint();
    await this.matrices.load(full, arrays, this.pairing);
    if (turn !== this.turn) return;
    // For tests and benchmarks: what has been painted.
    this.root.dataset.painted = JSON.stringify([header.id, header.view.query, header.view.query2, header.view.matrix]);
    this.server.painted();
  }

  /**
   * @param {"hover" | "pin" | "move"} event
   * @param {number} side
   * @param {number | null} token a position, or of A − B a place
   */
  take(event, side, token) {
    if (event !== "hover") {
      if (token !== null) this.pin(this.pinning(side, token));
      return;
    }
    this.hover = token === null ? null : { side, token };
    this.pending ??= requestAnimationFrame(() => {
      this.pending = undefined;
      this.paint();
    });
  }

  /**
   * What pinning a token changes: of both sides, or where each has a query of its own, of this one.
   * @param {number} side
   * @param {number} token
   * @returns {Partial<PairFields>}
   */
  pinning(side, token) {
    const [a, b] = this.tokensAt(side, token);
    if (this.apart) {
      const change = { query: a, query2: b };
      if (side === 0 || b < 0) return { query: change.query };
      return side === 1 || a < 0 ? { query2: change.query2 } : change;
    }
    // A's query says both, but where B's has no partner, or is one of several.
    const byA = a >= 0 && this.pairing.tokens(0, a)[1] === b;
    return byA ? { query: a, query2: null } : { query: null, query2: b };
  }

  /** Each side gets a query of its own, or both one again. @returns {Partial<PairFields>} */
  parted() {
    const [a, b] = this.pinned;
    return this.apart ? { query: a, query2: null } : { query: Math.max(0, a), query2: Math.max(0, b) };
  }

  /** Whether each side has a query of its own. */
  get apart() {
    return this.view !== null && this.view.query !== null && this.view.query2 !== null;
  }

  /** The queries. @returns {Tokens} */
  get pinned() {
    const { query = null, query2 = null } = this.view ?? {};
    if (query !== null && query2 !== null) return [query, query2];
    return query2 === null ? this.pairing.tokens(0, query ?? 0) : this.pairing.tokens(1, query2);
  }

  /**
   * The tokens of both at a token of one, or at a place.
   * @param {number} side
   * @param {number} token
   * @returns {Tokens}
   */
  tokensAt(side, token) {
    if (side !== LESS) return this.pairing.tokens(side, token);
    return [this.pairing.positionIn(0, token), this.pairing.positionIn(1, token)];
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

  /** The tokens whose weights are shown, and the place that both are in; -1 where there is none. */
  get shown() {
    const { hover, pairing, pinned, view } = this;
    const under = hover && this.tokensAt(hover.side, hover.token);
    if (this.apart) {
      const tokens = pinned.map((token, side) => {
        const moves = hover && under && (hover.side === side || hover.side === LESS) && under[side] >= 0;
        return moves ? under[side] : token;
      });
      return { tokens, place: -1, under };
    }
    const tokens = under ?? pinned;
    if (hover?.side === LESS) return { tokens, place: hover.token, under };
    const side = hover ? hover.side : Number(view?.query === null);
    return { tokens, place: pairing.main[side][tokens[side]], under };
  }

  paint() {
    const { payload, view } = this;
    if (payload === null || view === null) return;
    const { hover, pairing, pinned, shown } = this;
    const { direction, strength } = view;
    const weights = this.columns.map((column, side) => column.weights(shown.tokens[side], direction));
    const scale = scaleOf(weights, payload.header.sides);
    const names = shown.tokens.map((token, side) => (token < 0 ? "" : this.columns[side].name(token)));
    this.columns.forEach((column, side) => {
      const hovered = shown.under && shown.under[side] >= 0 ? shown.under[side] : null;
      const none = `${names[1 - side]} of ${NAMES[1 - side]} has no partner in ${NAMES[side]}.`;
      const now = { token: shown.tokens[side], weights: weights[side], query: pinned[side], hovered };
      column.paint({ ...now, pair: view, scale, none });
    });
    const sources = this.columns.map(({ state }) => /** @type {NonNullable<typeof state>["source"]} */ (state?.source));
    this.less = this.apart
      ? pairing.apart(weights, direction)
      : pairing.atPlace(/** @type {NonNullable<typeof sources[0]>[]} */ (sources), direction, shown.place);
    const under = hover && (hover.side === LESS ? hover.token : pairing.main[hover.side][hover.token]);
    const what = whatOf({ names, apart: this.apart, difference: this.less !== null, direction });
    this.difference.paint(this.less, { what, hovered: under ?? -1, strength: strength / 100 });
    this.matrices.paint(this.apart ? -1 : shown.place, direction);
    this.paintControls(view);
  }

  /** @param {PairFields} view */
  paintControls(view) {
    for (const control of this.options) {
      const { set = "", value } = control.dataset;
      const now = view[/** @type {keyof PairFields} */ (set)];
      if (control instanceof HTMLButtonElement) control.setAttribute("aria-pressed", String(now === value));
      else control.value = String(now);
    }
    this.together.setAttribute("aria-pressed", String(!this.apart));
    this.fold.open = view.matrix;
  }
}

/** Of nothing. @type {PairArrays} */
const EMPTY = {
  placeA: new Int32Array(),
  placeB: new Int32Array(),
  positionA: new Int32Array(),
  positionB: new Int32Array(),
  shareA: new Float32Array(),
  shareB: new Float32Array(),
  mainA: new Int32Array(),
  mainB: new Int32Array(),
  partnerA: new Int32Array(),
  partnerB: new Int32Array(),
};

/**
 * What A − B is of, or why it is of nothing.
 * @param {{names: string[], apart: boolean, difference: boolean, direction: "at" | "by"}} of
 */
function whatOf({ names: [a, b], apart, difference, direction }) {
  if (!difference) return `Only ${a ? "A" : "B"} has ${a || b}: there is nothing to be compared with what it looks at.`;
  const one = a && b && a !== b ? `${a} of A and ${b} of B` : a || b;
  const verb = apart ? "look" : "looks";
  return direction === "at" ? `what ${one} ${verb} at` : `who looks at ${one}`;
}

/**
 * @param {Float32Array[]} weights of A and of B
 * @param {Header[]} sides
 * @returns {Scale}
 */
function scaleOf(weights, sides) {
  const ordinary = Math.max(
    ...weights.map((each, side) =>
      each.reduce((most, weight, at) => (sides[side].special[at] ? most : Math.max(most, weight)), 0),
    ),
  );
  const most = Math.max(...weights.map((each) => colourLimit(each, [])));
  return { limit: ordinary || most, most };
}

/**
 * The arrays of one side, by the names that they have in an explorer's payload.
 * @param {Payload["arrays"]} arrays
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
