// What a server would send for a view, computed from everything of the recording: viz/explorer/payload.py, in the page.

import { figureOf } from "./drawn.js";
import { headInWords, orderOf, preview } from "./everyhead.js";
import { pooled } from "./recorded.js";
import { chosen } from "./selection.js";
import { between, MatrixWeights, together } from "./weights.js";
import { fill, headsName } from "./words.js";

/** @import { Recorded } from "./recorded.js" */
/** @import { Arrays, Head, Header, ViewFields, Weights } from "./types.js" */

const MATRICES = 6; // of several heads made one, that are held

export class Answers {
  /**
   * @param {Recorded} recorded
   * @param {() => Promise<unknown>} turn lets the page go on between parts of what takes long
   */
  constructor(recorded, turn = () => Promise.resolve()) {
    this.recorded = recorded;
    this.turn = turn;
    /** @type {Map<string, Float32Array>} Those used last stand last. */
    this.matrices = new Map();
  }

  /** The view that the file opens with. */
  get first() {
    return this.recorded.kept.header.view;
  }

  /**
   * @param {ViewFields} view
   * @returns {Promise<{header: Header, arrays: Arrays}>}
   */
  async to(view) {
    const { kept } = this.recorded;
    const several = view.scope !== "head";
    const arrays = { ...lasting(this.recorded.arrays), ...preview(this.recorded, view) };
    /** @type {Weights | null} */
    let source = null;
    if (several && !kept.merges) arrays.row = this.row(view);
    else if (several) {
      arrays.matrix = await this.merged(view);
      source = new MatrixWeights({ matrix: arrays.matrix }, this.recorded.count);
    } else {
      Object.assign(arrays, this.recorded.head(view.layer, view.head));
      source = this.recorded.weights(view.layer, view.head);
    }
    const drawn = view.matrix && source;
    if (drawn && kept.perCell > 1) {
      arrays.pooled = pooled(drawn, kept.perCell);
      source = new MatrixWeights({ matrix: arrays.pooled }, Math.sqrt(arrays.pooled.length));
    }
    const figure = drawn && source ? figureOf(kept, view, source) : null;
    return { header: { ...this.header(view), figure }, arrays };
  }

  /**
   * @param {ViewFields} view
   * @returns {Header}
   */
  header(view) {
    const { gridNotes, header, headRoles, kept, severalNote } = this.recorded.kept;
    const { head, layer } = view;
    const { scale, softcap, causal } = kept[layer];
    const called = header.wording.role[view.scope === "head" ? "one" : "several"];
    return {
      ...header,
      view,
      scale,
      softcap,
      causal,
      order: orderOf(this.recorded, view),
      role: fill(called, { layer, head, role: headRoles[layer][head] }),
      words: headInWords(this.recorded, view),
      more: false,
      matrixNote: view.scope === "head" ? header.matrixNote : severalNote,
      gridNote: gridNotes[view.order] ?? gridNotes.layer,
    };
  }

  /**
   * Several heads made one: [query, key].
   * @param {ViewFields} view
   */
  async merged(view) {
    const { matrices, recorded } = this;
    const name = `${headsName(view)} ${view.scope === "layer" ? view.layer : view.heads.join(" ")}`;
    const matrix = matrices.get(name) ?? (await recorded.merged(this.headsOf(view), view.reduction, this.turn));
    matrices.delete(name);
    matrices.set(name, matrix);
    const [oldest] = matrices.keys();
    if (matrices.size > MATRICES) matrices.delete(oldest);
    return matrix;
  }

  /**
   * Of several heads, what they give to the chosen tokens or get from them, where a whole matrix would be too large.
   * @param {ViewFields} view
   */
  row(view) {
    const { groups, pieces } = this.recorded;
    const sources = this.headsOf(view).map(([layer, head]) => this.recorded.ofPieces(layer, head));
    /** @type {Weights} */
    const several = {
      count: pieces,
      weight: (from, to) =>
        view.reduction === "mean"
          ? sources.reduce((sum, source) => sum + source.weight(from, to), 0) / sources.length
          : sources.reduce((most, source) => Math.max(most, source.weight(from, to)), 0),
    };
    return together(between(several, groups), chosen(view), view.direction);
  }

  /**
   * The heads that a view makes one.
   * @param {ViewFields} view
   * @returns {Head[]}
   */
  headsOf({ heads, layer, scope }) {
    if (scope === "heads") return heads;
    const { heads: across, layers } = this.recorded;
    const all = Array.from(
      { length: layers * across },
      (_, index) => /** @type {Head} */ ([Math.floor(index / across), index % across]),
    );
    return scope === "all" ? all : all.filter((head) => head[0] === layer);
  }
}

/**
 * What is the same in every view.
 * @param {Arrays} arrays
 * @returns {Arrays}
 */
function lasting({ tiles, tileTops, photo, heatTable, lightTable, darkTable, preview, tops, previewSpecial }) {
  const same = { heatTable, lightTable, darkTable, tileTops, preview, tops, previewSpecial };
  return { ...same, ...(tiles && { tiles }), ...(photo && { photo }) };
}
