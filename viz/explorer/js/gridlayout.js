// Where each head stands in the grid: layers down, heads across, or in the order that was asked for.

import { opposite, range, rectangle } from "./selection.js";

/** @import { Head, Header } from "./types.js" */

export const LABEL = 22; // pixels for the numbers of layers and heads
const GAP = 4;
export const CAPTION = 14; // pixels below a tile, for what was measured
const TALLEST = 130; // pixels of the tile of an upright photo
const LONGEST = 1_100; // pixels of the whole grid, where tiles need not be smaller than SMALLEST for it
const SMALLEST = 22; // pixels of a tile; below it the grid scrolls sideways
const SMALLEST_PHOTO = 44;

/** All lengths are in CSS pixels. */
export class GridLayout {
  /**
   * @param {Pick<Header, "aspect" | "heads" | "order" | "view">} header
   * @param {number} room the width of the box that the grid stands in
   */
  constructor({ aspect, heads, order, view }, room) {
    this.order = order;
    this.columns = heads;
    const rows = Math.ceil(order.length / heads);
    const across = (room - LABEL) / heads - GAP;
    // Tiles of an upright photo stay low enough to compare, and all rows of a deep model in sight of each other.
    const tallest = Math.min(aspect === null ? across : TALLEST, LONGEST / rows - GAP);
    const smallest = aspect !== null && aspect >= 1 ? SMALLEST_PHOTO : SMALLEST;
    const shape = aspect ?? 1;
    this.tileWidth = Math.max(smallest, Math.floor(Math.min(across, tallest * shape)));
    this.tileHeight = Math.round(this.tileWidth / shape);
    this.captions = view.order !== "layer";
    this.numbered = view.placed || !this.captions; // the place says which head it is
    this.pitchX = this.tileWidth + GAP;
    this.pitchY = this.tileHeight + GAP + (this.captions ? CAPTION : 0);
    this.width = LABEL + heads * this.pitchX;
    this.height = LABEL + rows * this.pitchY;
  }

  /**
   * The left and the top of a tile.
   * @param {number} index in the order
   * @returns {[left: number, top: number]}
   */
  corner(index) {
    return [LABEL + (index % this.columns) * this.pitchX, LABEL + Math.floor(index / this.columns) * this.pitchY];
  }

  /**
   * The head at a point, or null.
   * @param {number} x
   * @param {number} y
   */
  headAt(x, y) {
    return this.at(Math.floor((y - LABEL) / this.pitchY), Math.floor((x - LABEL) / this.pitchX));
  }

  /**
   * The heads of the row or column whose number is at a point.
   * @param {number} x
   * @param {number} y
   * @returns {Head[]}
   */
  lineAt(x, y) {
    if (!this.numbered) return [];
    const row = x < LABEL ? Math.floor((y - LABEL) / this.pitchY) : -1;
    const column = y < LABEL ? Math.floor((x - LABEL) / this.pitchX) : -1;
    const heads = this.order.filter(([layer, head]) => (row >= 0 ? layer === row : head === column));
    return heads.map(([layer, head]) => [layer, head]);
  }

  /**
   * The head that stands beside one, or null.
   * @param {Head} head
   * @param {number} down rows
   * @param {number} across columns
   */
  beside(head, down, across) {
    const place = this.placeOf(head);
    return this.at(Math.floor(place / this.columns) + down, (place % this.columns) + across);
  }

  /**
   * All heads from one up to others: of layers by heads the rectangle that has them in its corners, of another order
   * the run.
   * @param {Head[]} heads
   */
  between(heads) {
    const places = heads.map((head) => this.placeOf(head));
    const all = this.numbered ? rectangle(places, this.columns) : range(Math.min(...places), Math.max(...places));
    return all.map((place) => this.headOf(place));
  }

  /**
   * Where heads end, seen from one of them: the head that the arrow keys with shift move.
   * @param {Head} from
   * @param {Head[]} heads
   */
  endOf(from, heads) {
    const places = [from, ...heads].map((head) => this.placeOf(head));
    const [place] = places;
    const [first, last] = [Math.min(...places), Math.max(...places)];
    if (this.numbered) return this.headOf(opposite(place, places, this.columns));
    return this.headOf(place === first ? last : first);
  }

  /**
   * Where a head stands in the order.
   * @param {Head} head
   */
  placeOf([layer, head]) {
    return this.order.findIndex((other) => other[0] === layer && other[1] === head);
  }

  /**
   * @param {number} place in the order
   * @returns {Head}
   */
  headOf(place) {
    const [layer, head] = this.order[place];
    return [layer, head];
  }

  /**
   * @param {number} row
   * @param {number} column
   * @returns {Head | null}
   */
  at(row, column) {
    if (row < 0 || column < 0 || column >= this.columns) return null;
    const place = row * this.columns + column;
    return place < this.order.length ? this.headOf(place) : null;
  }
}
