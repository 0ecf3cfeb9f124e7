// Telling the server what is pinned: one view at a time, and the newest when it has answered, for Streamlit can lose
// the answer of a run when others are asked for meanwhile.

/** @import { Tell, ViewFields } from "./types.js" */

const PATIENCE = 30_000; // milliseconds for which a view that was asked for is held against the server's
const REPEAT = 3_000; // milliseconds after which an answer may be lost, and is asked for when there is occasion
const PAUSE = 150; // milliseconds before what was left out for speed is asked for

/**
 * @param {unknown} a
 * @param {unknown} b
 */
function same(a, b) {
  return JSON.stringify(a) === JSON.stringify(b);
}

/**
 * @template {object} [View=ViewFields] what is pinned
 */
export class Server {
  /** @param {() => number} now milliseconds */
  constructor(now = Date.now) {
    this.now = now;
    /** @type {Tell} */
    this.tell = () => {};
    /** @type {{id: string, view: View, more?: boolean} | null} The last one received. */
    this.header = null;
    /** @type {View | null} The view that is pinned here, and that the server has not sent. */
    this.pinned = null;
    /** @type {View | null} The view that the server was last asked for. */
    this.request = null;
    this.requestAt = 0;
    this.firstAt = 0; // when it was asked for it first
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    this.timer = undefined;
  }

  /**
   * The view to show with a header: the server's; but where more has been pinned since it was asked, what is pinned.
   * @param {{id: string, view: View, more?: boolean}} header
   * @param {Tell} tell
   * @returns {View}
   */
  receive(header, tell) {
    const behind = header.id === this.header?.id && this.pinned && !same(this.pinned, header.view);
    const asked = same(this.request, this.pinned);
    this.header = header;
    this.tell = tell;
    if (behind && !(asked && this.now() - this.firstAt >= PATIENCE)) return /** @type {View} */ (this.pinned);
    this.pinned = null;
    this.request = null;
    return header.view;
  }

  /** The header received last is painted: ask for what is still to come. */
  painted() {
    const { header, tell } = this;
    if (header === null) return;
    if (this.pinned && (same(this.request, header.view) || this.lost())) this.ask(this.pinned);
    clearTimeout(this.timer);
    if (header.more && !this.pinned) this.timer = setTimeout(() => tell("more", header.id), PAUSE);
  }

  /**
   * A view that is pinned: the server is told where it has another.
   * @param {View} view
   */
  pin(view) {
    if (this.header === null || same(view, this.pinned ?? this.header.view)) return;
    this.pinned = view;
    if (this.request === null || this.lost()) this.ask(view);
  }

  /** Whether the answer may be lost. */
  lost() {
    return this.now() - this.requestAt >= REPEAT;
  }

  /** @param {View} view */
  ask(view) {
    this.requestAt = this.now();
    if (!same(this.request, view)) this.firstAt = this.requestAt;
    this.request = view;
    // The time makes each new: what "back" has left can be pinned again.
    this.tell("view", { ...view, of: this.header?.id, has: this.header?.id, at: this.now() });
  }

  /**
   * @param {string} name of the picture
   * @param {string} format "png" or "svg"
   */
  save(name, format) {
    this.tell("save", { name, format, at: this.now() });
  }
}
