// What a pointer does with what it points at: it presses, with keys held or twice; it drags; a finger rests.

/** @import { On, Pressed } from "./types.js" */

const REST = 500; // milliseconds after which a finger does not tap any more
const SLIP = 10; // pixels that it may move meanwhile

/**
 * What a press means: shift takes all up to here, Ctrl or ⌘ one more or less, the second of two the word, which the
 * third of three leaves as it is.
 * @param {MouseEvent} event
 * @param {boolean} twice
 * @returns {"pin" | "extend" | "toggle" | "word"}
 */
export function meaning({ ctrlKey, detail, metaKey, shiftKey }, twice = detail > 1) {
  if (shiftKey) return "extend";
  if (ctrlKey || metaKey) return "toggle";
  return twice ? "word" : "pin";
}

export class Gestures {
  /**
   * @param {HTMLElement} element
   * @param {(event: MouseEvent) => Pressed | null} at what is at the pointer
   * @param {On} on
   */
  constructor(element, at, on) {
    this.at = at;
    this.on = on;
    this.dragging = false;
    this.done = false; // the click that follows a drag, or a finger's rest, is none
    /** @type {Pressed | null} Where a drag would begin. */
    this.from = null;
    /** @type {number | null} The token that it has come to. */
    this.to = null;
    this.down = [0, 0];
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    this.timer = undefined;
    element.addEventListener("pointerdown", (event) => this.begin(event));
    element.addEventListener("pointermove", (event) => this.move(event));
    element.addEventListener("pointercancel", () => this.end());
    element.addEventListener("contextmenu", (event) => {
      if (this.done) event.preventDefault(); // a finger that rests has chosen, and wants no menu
    });
    element.addEventListener("click", (event) => {
      const target = this.done ? null : at(event);
      if (target) on(meaning(event), target);
    });
  }

  /** @param {PointerEvent} event */
  begin(event) {
    this.done = false;
    const target = this.at(event);
    if (event.button !== 0 || target === null) return;
    addEventListener("pointerup", () => this.end(), { once: true }); // wherever that is
    this.down = [event.clientX, event.clientY];
    if (event.pointerType !== "touch") {
      this.from = event.shiftKey ? null : target;
      this.to = target.token ?? null;
      return;
    }
    this.timer = setTimeout(() => {
      this.done = true;
      this.on("extend", target);
    }, REST);
  }

  /** @param {PointerEvent} event */
  move(event) {
    const [x, y] = this.down;
    if (Math.hypot(event.clientX - x, event.clientY - y) > SLIP) clearTimeout(this.timer);
    if (this.from?.token === undefined || event.buttons !== 1) return;
    const token = this.at(event)?.token;
    if (token === undefined || token === this.to) return;
    this.to = token;
    const adds = event.ctrlKey || event.metaKey;
    this.on("drag", { token, from: this.from.token, begins: !this.dragging, adds });
    this.dragging = true;
  }

  end() {
    clearTimeout(this.timer);
    this.from = null;
    if (!this.dragging) return;
    this.dragging = false;
    this.done = true;
    this.on("drop", {});
  }
}
