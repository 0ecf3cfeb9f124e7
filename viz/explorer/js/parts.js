// What the HTML has by name, for the modules that fill it in.

/** @import { Parts } from "./types.js" */

/**
 * The elements of a section, or of all, by their data-part.
 * @param {HTMLElement} section
 * @returns {Parts}
 */
export function partsOf(section) {
  /** @type {NodeListOf<HTMLElement>} */
  const elements = section.querySelectorAll("[data-part]");
  const byPart = Object.fromEntries([...elements].map((element) => [element.dataset.part, element]));
  return /** @type {Parts} */ (/** @type {unknown} */ (byPart));
}
