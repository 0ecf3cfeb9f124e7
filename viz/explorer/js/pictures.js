// Pictures that are computed pixel by pixel, for the photo and for the small ones of the grid.

/**
 * A photo in grey and darker, as the pure figure has it: ITU-R BT.601 luma times 0.6.
 * @param {ImageBitmap} bitmap
 * @param {number} width pixels
 * @param {number} height
 */
export function darkened(bitmap, width, height) {
  const { canvas, context } = blank(width, height, { willReadFrequently: true });
  context.imageSmoothingQuality = "high";
  context.drawImage(bitmap, 0, 0, width, height);
  const pixels = context.getImageData(0, 0, width, height);
  const { data } = pixels;
  for (let i = 0; i < data.length; i += 4) {
    data[i] = data[i + 1] = data[i + 2] = (0.299 * data[i] + 0.587 * data[i + 1] + 0.114 * data[i + 2]) * 0.6;
  }
  context.putImageData(pixels, 0, 0);
  return canvas;
}

/**
 * Heat over patches, one pixel a patch: the scale's colour, more opaque the larger the weight.
 * @param {ArrayLike<number>} weights [token]
 * @param {object} options
 * @param {number} options.prefix tokens before the patches
 * @param {number[]} options.grid rows and columns of patches
 * @param {number} options.limit the weight at the top of the scale
 * @param {Uint8Array} options.table [level, 3]
 * @param {number} options.strength 0 to 1: how opaque the top is
 */
export function heat(weights, { prefix, grid: [rows, columns], limit, table, strength }) {
  const { canvas, context } = blank(columns, rows);
  const pixels = context.createImageData(columns, rows);
  for (let patch = 0; patch < rows * columns; patch++) {
    const share = Math.min(1, weights[prefix + patch] / limit);
    const level = Math.round(share * 255) * 3;
    pixels.data[patch * 4] = table[level];
    pixels.data[patch * 4 + 1] = table[level + 1];
    pixels.data[patch * 4 + 2] = table[level + 2];
    pixels.data[patch * 4 + 3] = Math.round(255 * strength * Math.sqrt(share));
  }
  context.putImageData(pixels, 0, 0);
  return canvas;
}

/**
 * A square of levels in the colours of a table.
 * @param {Uint8Array} levels [side, side], the whole of it from `start` on
 * @param {object} options
 * @param {number} options.start
 * @param {number} options.side
 * @param {number} options.factor that each level is multiplied by, at most 1
 * @param {Uint8Array} options.table [level, 3]
 */
export function tile(levels, { start, side, factor, table }) {
  const { canvas, context } = blank(side, side);
  const pixels = context.createImageData(side, side);
  for (let cell = 0; cell < side * side; cell++) {
    const level = Math.round(levels[start + cell] * factor) * 3;
    pixels.data.set([table[level], table[level + 1], table[level + 2], 255], cell * 4);
  }
  context.putImageData(pixels, 0, 0);
  return canvas;
}

/**
 * @param {number} width pixels
 * @param {number} height
 * @param {CanvasRenderingContext2DSettings} [settings]
 */
function blank(width, height, settings) {
  const canvas = new OffscreenCanvas(width, height);
  const context = canvas.getContext("2d", settings);
  if (context === null) throw new Error("this browser draws no canvas");
  return { canvas, context };
}

/**
 * The context of a canvas that is on the page.
 * @param {HTMLCanvasElement} canvas
 */
export function contextOf(canvas) {
  const context = canvas.getContext("2d");
  if (context === null) throw new Error("this browser draws no canvas");
  return context;
}
