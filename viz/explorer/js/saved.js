// A picture that is saved says what it is of: in an SVG's <metadata>, in a PNG's text chunks.

/** @import { About } from "./types.js" */

const SIGNATURE = 8; // bytes of a PNG before its chunks; the first of these, IHDR, takes 25
const HEADER = 25;
const NAME = "Headlens"; // before each keyword, as viz/export/drawn.py has it

/**
 * A picture as a file.
 * @param {string} url data: of a PNG or an SVG, as plotly.js makes it
 * @param {About} about
 */
export function fileOf(url, about) {
  const comma = url.indexOf(",");
  const content = url.slice(comma + 1);
  if (url.startsWith("data:image/svg")) {
    return new Blob([describedSvg(decodeURIComponent(content), about)], { type: "image/svg+xml" });
  }
  const bytes = Uint8Array.from(atob(content), (letter) => letter.charCodeAt(0));
  return new Blob([describedPng(bytes, about)], { type: "image/png" });
}

/**
 * @param {string} svg
 * @param {About} about
 */
export function describedSvg(svg, about) {
  const json = JSON.stringify(about).replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
  return svg.replace(/<svg[^>]*>/, (root) => `${root}<metadata id="headlens">${json}</metadata>`);
}

/**
 * @param {Uint8Array<ArrayBuffer>} png
 * @param {About} about
 */
export function describedPng(png, about) {
  const chunks = Object.entries(about).map(([name, value]) => textChunk(`${NAME} ${name}`, value));
  const behind = SIGNATURE + HEADER;
  const size = png.length + chunks.reduce((sum, chunk) => sum + chunk.length, 0);
  const whole = new Uint8Array(size);
  let at = 0;
  for (const part of [png.subarray(0, behind), ...chunks, png.subarray(behind)]) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

/**
 * An iTXt chunk (PNG, third edition, section 11.3.3.4): UTF-8, not compressed.
 * @param {string} keyword of Latin letters
 * @param {string} text
 */
function textChunk(keyword, text) {
  const content = new TextEncoder().encode(`iTXt${keyword}\0\0\0\0\0${text}`); // flag, method, language, translation
  const chunk = new Uint8Array(content.length + 8);
  const view = new DataView(chunk.buffer);
  view.setUint32(0, content.length - 4);
  chunk.set(content, 4);
  view.setUint32(chunk.length - 4, crc32(content));
  return chunk;
}

/**
 * The check of a chunk (ibid., annex D).
 * @param {Uint8Array} bytes
 */
function crc32(bytes) {
  let crc = 0xffffffff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0xedb88320 : crc >>> 1;
  }
  return (crc ^ 0xffffffff) >>> 0;
}
