import assert from "node:assert/strict";
import { test } from "node:test";
import { keepWellFormed } from "../../viz/explorer/js/wellformed.js";

class Field extends EventTarget {
  #value = "";
  type = "text";
  selectionStart = 2;
  selectionEnd = 2;

  get value() {
    return this.#value;
  }

  set value(text) {
    this.#value = text;
    this.selectionStart = this.selectionEnd = text.length; // as a browser does
  }

  /**
   * @param {number} start
   * @param {number} end
   */
  setSelectionRange(start, end) {
    this.selectionStart = start;
    this.selectionEnd = end;
  }
}

/**
 * @param {EventTarget} document
 * @param {unknown} target
 */
function type(document, target) {
  document.dispatchEvent(Object.defineProperty(new Event("input"), "target", { value: target }));
}

test("half a surrogate pair becomes U+FFFD, and the caret stays", () => {
  const page = /** @type {any} */ (globalThis);
  page.HTMLTextAreaElement = Field;
  page.HTMLInputElement = class {};
  /** @type {any} */
  const document = new EventTarget();
  keepWellFormed(document);
  const field = new Field();
  for (const [text, fixed] of [
    ["a\ud83dbc", "a\ufffdbc"],
    ["a😀", "a😀"],
  ]) {
    // biome-ignore format: one line
    field.value = text;
    field.setSelectionRange(2, 2);
    type(document, field);
    assert.deepEqual([field.value, field.selectionStart, field.selectionEnd], [fixed, 2, 2]);
  }
  type(document, {}); // not a field
});
