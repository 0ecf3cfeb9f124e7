// What the arrow keys mean.

/** @type {Record<string, [down: number, across: number]>} */
const ARROWS = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] };

/**
 * Call `move` with the direction of each arrow key that is pressed on an element, and whether shift is held.
 * @param {HTMLElement} element
 * @param {(down: number, across: number, more: boolean) => void} move
 */
export function onArrow(element, move) {
  element.addEventListener("keydown", (event) => {
    const arrow = ARROWS[event.key];
    if (arrow === undefined) return;
    event.preventDefault();
    move(...arrow, event.shiftKey);
  });
}

/**
 * The number, or the nearest from 0 to count - 1.
 * @param {number} number
 * @param {number} count
 */
export function within(number, count) {
  return Math.min(count - 1, Math.max(0, number));
}
