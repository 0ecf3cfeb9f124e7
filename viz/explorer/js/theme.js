// The look of the page now, for what is drawn on canvases.

/** @import { Theme } from "./types.js" */

/**
 * Whether the page is dark: its letters are light.
 * @param {HTMLElement} root
 */
export function isDark(root) {
  const [red, green, blue] = (getComputedStyle(root).color.match(/[\d.]+/g) ?? [0, 0, 0]).map(Number);
  return red + green + blue > 384;
}

/**
 * The look that suits the page.
 * @param {HTMLElement} root
 * @param {{heatTable: Uint8Array, lightTable: Uint8Array, darkTable: Uint8Array}} tables
 * @returns {Theme}
 */
export function themeOf(root, { heatTable, darkTable, lightTable }) {
  const style = getComputedStyle(root);
  return {
    heat: heatTable,
    heatOpacity: Number(style.getPropertyValue("--hl-heat-opacity")),
    weights: isDark(root) ? darkTable : lightTable,
    text: style.color,
    accent: style.getPropertyValue("--st-primary-color") || style.getPropertyValue("--hl-accent"),
    font: style.getPropertyValue("--hl-font"),
  };
}
