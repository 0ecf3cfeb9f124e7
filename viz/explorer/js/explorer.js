// One element a page: all linked views of a recording. It stays mounted and repaints by itself; the server is told of
// pins.

import { Bars } from "./bars.js";
import { Chips } from "./chips.js";
import { Controls } from "./controls.js";
import { HeadGrid } from "./grid.js";
import { Matrix } from "./matrix.js";
import { partsOf } from "./parts.js";
import { completed, unpack } from "./payload.js";
import { Photo } from "./photo.js";
import { download } from "./plotly.js";
import { after, chosen, headsAfter, headsFrom, normal } from "./selection.js";
import { Sentence } from "./sentence.js";
import { Server } from "./server.js";
import { shownIn } from "./shown.js";
import { Strip } from "./strip.js";
import { themeOf } from "./theme.js";
import { between, HeadWeights, MatrixWeights } from "./weights.js";
import { keepWellFormed } from "./wellformed.js";

/** @import { Arrays, Header, Hovered, LinkedView, On, Pressed, State, Tell, ViewFields, Weights } from "./types.js" */

export class Explorer {
  /** @param {HTMLElement} root */
  constructor(root) {
    this.root = root;
    const parts = partsOf(root);
    this.parts = parts;
    /** @type {Server<ViewFields>} */
    this.server = new Server();
    const { server } = this;
    /** @type {On} */
    const on = (event, target) => this.take(event, target);
    const controls = new Controls(root, parts, {
      pin: (change) => this.pin(change),
      show: (change) => this.show(change),
      save: (name, format) => server.save(name, format),
    });
    this.grid = new HeadGrid(parts, on);
    const everywhere = [controls, new Sentence(parts), this.grid, new Bars(parts, on), new Matrix(parts, on)];
    /** @type {Record<"text" | "image", LinkedView[]>} */
    this.viewsOf = {
      text: [...everywhere, new Strip(parts, on)],
      image: [...everywhere, new Photo(parts, on), new Chips(parts, on)],
    };
    /** @type {State | null} */
    this.state = null;
    /** @type {number[]} The tokens that a drag adds to. */
    this.kept = [];
    this.turn = 0; // of the payloads
    /** @type {unknown} When the last figure to be saved was asked for. */
    this.savedAt = undefined;
    /** @type {{id: string, bitmap: ImageBitmap} | null} */
    this.photo = null;
    /** @type {number | undefined} */
    this.pending = undefined;
  }

  /** The linked views that the recording has. */
  get views() {
    return this.state?.header.grid ? this.viewsOf.image : this.viewsOf.text;
  }

  /**
   * Take in a payload.
   * @param {{header: Header, arrays: Arrays}} payload
   * @param {Tell} tell
   */
  async load({ header, arrays: fresh }, tell) {
    const arrays = completed(header, fresh);
    if (arrays === null) return tell("view", { ...header.view, of: header.id, at: Date.now() }); // no "has": send all
    if (header.save && header.save.at !== this.savedAt) {
      this.savedAt = header.save.at;
      download(header.save);
    }
    const turn = ++this.turn;
    const photo = arrays.photo ? await this.decode(header.id, arrays.photo) : null;
    if (turn !== this.turn) return; // a newer payload came while the photo was decoded
    const state = this.stateOf(header, arrays, photo, tell);
    this.state = state;
    this.root.dataset.kind = header.grid ? "image" : "text";
    const { bars, left } = this.parts;
    if (header.grid && bars.parentElement !== left) left.append(bars); // there is room
    const loads = this.views.map((view) => view.load(state));
    this.paint();
    await Promise.all(loads);
    if (turn !== this.turn) return;
    // For tests and benchmarks: what has been painted, and when.
    this.root.dataset.painted = JSON.stringify([header.id, header.view.layer, header.view.head, header.view.query]);
    /** @type {Window & {headlensFirst?: number}} */ (window).headlensFirst ??= performance.now();
    this.server.painted();
  }

  /**
   * @param {Header} header
   * @param {Arrays} arrays
   * @param {ImageBitmap | null} photo
   * @param {Tell} tell
   * @returns {State}
   */
  stateOf(header, arrays, photo, tell) {
    const before = this.state;
    const pick = before !== null && before.header.id === header.id && before.view.pick;
    const view = { ...this.server.receive(header, tell), pick };
    const hover = before?.hover ?? { token: null, head: null };
    const base = { header, arrays, view, hover, photo, source: sourceOf(header, arrays) };
    return { ...base, cursor: view.query, shown: shownIn(base), theme: themeOf(this.root, arrays), scale: null };
  }

  /**
   * @param {string} id of the recording
   * @param {Uint8Array<ArrayBuffer>} bytes
   */
  async decode(id, bytes) {
    if (this.photo?.id === id) return this.photo.bitmap;
    const bitmap = await createImageBitmap(new Blob([bytes]));
    this.photo = { id, bitmap };
    return bitmap;
  }

  /**
   * What a view tells. The arrow keys pin as they go, but while a key is being chosen they only point at it.
   * @type {On}
   */
  take(event, target) {
    if (this.state === null) return;
    const { header, hover, view } = this.state;
    if (event === "hover") return this.preview(/** @type {Hovered} */ (target));
    if (event === "drop") return this.pin({});
    const { token, heads, ...drag } = /** @type {Pressed} */ (target);
    if (heads)
      return this.pin(event === "extend" ? headsFrom(view, heads) : headsAfter(view, event === "toggle", heads));
    if (token === undefined) return;
    if (view.pick && event === "move") {
      hover.token = token;
      return this.paint(); // at once: the next press of a key moves on from here
    }
    if (view.pick) return event === "drag" ? undefined : this.pin({ query: token });
    if (event === "drag" && drag.begins) this.kept = drag.adds ? chosen(view) : [];
    const change = after(view, header, event, { token, from: drag.from, adds: this.kept });
    if (event !== "drag") return this.pin(change);
    hover.token = null;
    this.show(change); // the server is told when it ends
  }

  /**
   * Change the view here and now; the server is told of it, and sends what is not here yet.
   * @param {Partial<ViewFields>} change
   */
  pin(change) {
    if (this.state === null) return;
    const { header, hover, view } = this.state;
    if (change.pick) {
      this.show(change); // it waits for the token, and the server need not know
      return this.parts[header.grid ? "photo" : "strip"].focus();
    }
    hover.token = null;
    if (change.pick === false) return this.show(change);
    hover.head = null;
    if (view.pick && change.query !== undefined) this.show({ key: change.query, pick: false, order: "key" });
    else this.show(change);
    this.server.pin({ ...this.state.view, pick: false });
  }

  /** @param {Partial<ViewFields>} change */
  show(change) {
    if (this.state === null) return;
    this.state.view = normal({ ...this.state.view, ...change });
    this.state.theme = themeOf(this.root, this.state.arrays);
    this.paint();
  }

  /** @param {Hovered} target what is under the pointer; it is painted with the next frame */
  preview(target) {
    if (this.state === null) return;
    Object.assign(this.state.hover, target);
    this.pending ??= requestAnimationFrame(() => {
      this.pending = undefined;
      this.paint();
    });
  }

  paint() {
    const { state } = this;
    if (state === null) return;
    const { hover, view } = state;
    state.shown = shownIn(state);
    state.cursor = view.pick ? (hover.token ?? view.query) : view.query;
    for (const each of this.views) each.paint(state);
  }
}

/**
 * @param {Header} header
 * @param {Arrays} arrays
 * @returns {Weights | null}
 */
function sourceOf(header, { matrix, rowMax, lse, query, key, mask }) {
  if (matrix) return new MatrixWeights({ matrix, rowMax }, header.tokens.length);
  return lse ? between(new HeadWeights({ lse, query, key, mask }, header), header.groups) : null;
}

/**
 * Called by Streamlit at the first paint, and again at each change of data or theme.
 * @param {object} component
 * @param {Uint8Array<ArrayBuffer>} component.data
 * @param {HTMLElement} component.parentElement
 * @param {(name: string, value: unknown) => void} component.setStateValue
 * @param {(name: string, value: unknown) => void} component.setTriggerValue
 */
export default function render({ data, parentElement, setStateValue, setTriggerValue }) {
  keepWellFormed(document);
  const root = /** @type {HTMLElement & {explorer?: Explorer}} */ (parentElement.querySelector(".hl"));
  root.explorer ??= new Explorer(root);
  root.explorer.load(unpack(data), (name, value) => (name === "view" ? setStateValue : setTriggerValue)(name, value));
}
