// Which tokens of A and of B are pinned, and which are shown: one selection for both sides, or one for each.

/** @import { Pairing, Tokens } from "./pairing.js" */
/** @import { PairFields } from "./types.js" */

export const LESS = 2; // the side that is A − B: its tokens are places

/** @typedef {{side: number, token: number}} Under what is under the pointer: 0 for A, 1 for B, or LESS */

export class PairChoice {
  /**
   * @param {Pairing} pairing
   * @param {PairFields} view
   * @param {Under | null} [hover]
   */
  constructor(pairing, view, hover = null) {
    this.pairing = pairing;
    this.view = view;
    this.hover = hover;
  }

  /**
   * What pinning a token changes: of both sides, or where each has a query of its own, of this one.
   * @param {number} side
   * @param {number} token
   * @returns {Partial<PairFields>}
   */
  pinning(side, token) {
    const [a, b] = this.tokensAt(side, token);
    if (this.apart) return { ...(side !== 1 && a >= 0 && { query: a }), ...(side !== 0 && b >= 0 && { query2: b }) };
    // A's query says both, but where B's has no partner, or is one of several.
    const byA = a >= 0 && (b < 0 || this.pairing.tokens(0, a)[1] === b);
    return byA ? { query: a, query2: null } : { query: null, query2: b };
  }

  /** Each side gets a query of its own, or both one again. @returns {Partial<PairFields>} */
  parted() {
    const [a, b] = this.pinned;
    return this.apart ? { query: a, query2: null } : { query: Math.max(0, a), query2: Math.max(0, b) };
  }

  /** Whether each side has a query of its own. */
  get apart() {
    return this.view.query !== null && this.view.query2 !== null;
  }

  /** The queries. @returns {Tokens} */
  get pinned() {
    const { query, query2 } = this.view;
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
    return [this.pairing.at[0][token], this.pairing.at[1][token]];
  }

  /** The tokens whose weights are shown, and the place that both are in; -1 where there is none. */
  get shown() {
    const { hover, pinned, view } = this;
    const under = hover && this.tokensAt(hover.side, hover.token);
    if (this.apart) {
      const tokens = pinned.map((token, side) => {
        const moves = hover && under && (hover.side === side || hover.side === LESS) && under[side] >= 0;
        return moves ? under[side] : token;
      });
      return { tokens, place: -1, under };
    }
    const tokens = under ?? pinned;
    const side = hover ? hover.side : Number(view.query === null);
    return { tokens, place: this.placeOf(side, side === LESS ? (hover?.token ?? 0) : tokens[side]), under };
  }

  /**
   * The place of a token of one side.
   * @param {number} side
   * @param {number} token
   */
  placeOf(side, token) {
    return side === LESS ? token : this.pairing.main[side][token];
  }
}
