// Rows and columns of a head's weights, computed when the pointer asks for them.

/** One head: softmax(q k^T * scale), from its queries and keys and each row's log-sum-exp; or from scores alone, which
 *  are then the mask. */
export class HeadWeights {
  constructor({ query = new Float32Array(), key = query, lse, mask }, { scale, softcap, causal }) {
    this.mask = mask; // [query or 1, key], added to the scores; undefined where there is none
    this.query = query; // [token, d_head]
    this.key = key;
    this.lse = lse; // [token]
    this.count = lse.length;
    this.width = query.length / lse.length;
    this.scale = scale;
    this.softcap = softcap;
    this.causal = causal;
  }

  weight(row, column) {
    if (this.causal && column > row) return 0;
    const { width, query, key } = this;
    let sum = 0;
    for (let i = row * width, j = column * width, end = i + width; i < end; i++, j++) sum += query[i] * key[j];
    if (this.lse[row] === -Infinity) return 0; // a query that may look at nothing
    const masked = this.mask ? this.mask[(this.mask.length === this.count ? 0 : row * this.count) + column] : 0;
    const score = this.softcap ? this.softcap * Math.tanh((sum * this.scale) / this.softcap) : sum * this.scale;
    return Math.exp(score + masked - this.lse[row]);
  }

}

/** Several heads made into one matrix by the server: steps of each row's own maximum, or exact numbers. */
export class MatrixWeights {
  constructor({ matrix, rowMax }, count) {
    this.matrix = matrix; // [query, key], float32, or uint8 steps of 1/255 of the row's maximum
    this.rowMax = rowMax; // [query], for steps
    this.count = count;
  }

  weight(row, column) {
    const value = this.matrix[row * this.count + column];
    return this.rowMax === undefined ? value : (value / 255) * this.rowMax[row];
  }
}

/** [key]: what a token looks at. */
export function row(source, token) {
  const weights = new Float32Array(source.count);
  for (let other = 0; other < source.count; other++) weights[other] = source.weight(token, other);
  return weights;
}

/** [query]: how much every token looks at this one. */
export function column(source, token) {
  const weights = new Float32Array(source.count);
  for (let other = 0; other < source.count; other++) weights[other] = source.weight(other, token);
  return weights;
}

/** The largest weight on a token that is not special: the top of the colour scale. */
export function colourLimit(weights, special) {
  let ordinary = 0;
  let all = 0;
  for (let token = 0; token < weights.length; token++) {
    if (weights[token] > all) all = weights[token];
    if (!special[token] && weights[token] > ordinary) ordinary = weights[token];
  }
  return ordinary || all || 1;
}
