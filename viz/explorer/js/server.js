// Telling the server what is pinned: one view at a time, and the newest when it has answered, for Streamlit can lose
// the answer of a run when others are asked for meanwhile.

/** @import { Tell, ViewFields } from "./types.js" */

const PATIENCE = 5_000; // milliseconds for which a pinned view is held against the server's
const REPEAT = 3_000; // milliseconds after which an answer is taken to be lost
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
    this.pinnedAt = 0;
    /** @type {View | null} The view that the server was last asked for. */
    this.request = null;
    this.requestAt = 0;
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
    this.header = header;
    this.tell = tell;
    if (behind && this.now() - this.pinnedAt < PATIENCE) return /** @type {View} */ (this.pinned);
    this.pinned = null;
    this.request = null;
    return header.view;
  }

  /** The header received last is painted: ask for what is still to come. */
  painted() {
    const { header, tell } = this;
    if (header === null) return;
    if (this.pinned && same(this.request, header.view)) this.ask(this.pinned);
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
    this.pinnedAt = this.now();
    if (this.request === null || this.now() - this.requestAt > REPEAT) this.ask(view);
  }

  /** @param {View} view */
  ask(view) {
    this.request = view;
    this.requestAt = this.now();
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
