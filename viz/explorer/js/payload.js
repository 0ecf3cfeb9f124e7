// What the server sends: u32 length of a JSON header, the header, then the blobs that it lists, each at a multiple
// of 8.

/** @import { Arrays, Header } from "./types.js" */

const TYPES = { float32: Float32Array, int32: Int32Array, uint8: Uint8Array };

/** The same in every view of a recording: the server sends them once. */
const LASTING = /** @type {const} */ (["tiles", "photo", "heatTable", "lightTable", "darkTable"]);
const RECORDINGS = 4; // whose lasting arrays are held
/** @type {Map<string, Partial<Arrays>>} */
const lasting = new Map(); // by the recording's id

/**
 * The arrays, with the ones that came before; null where these are not held any more.
 * @param {Pick<Header, "id" | "sent">} header
 * @param {Arrays} arrays
 * @returns {Arrays | null}
 */
export function completed({ id, sent }, arrays) {
  if (sent) return lasting.has(id) ? { ...lasting.get(id), ...arrays } : null;
  lasting.delete(id); // set again below: the newest stands last
  lasting.set(id, Object.fromEntries(LASTING.filter((name) => arrays[name]).map((name) => [name, arrays[name]])));
  const [oldest] = lasting.keys();
  if (lasting.size > RECORDINGS) lasting.delete(oldest);
  return arrays;
}

/**
 * The header, and each blob by its name as a typed array.
 * @param {Uint8Array<ArrayBuffer>} data
 * @returns {{header: Header, arrays: Arrays}}
 */
export function unpack(data) {
  const length = new DataView(data.buffer, data.byteOffset, data.byteLength).getUint32(0, true);
  const header = JSON.parse(new TextDecoder().decode(data.subarray(4, 4 + length)));
  /** @type {Record<string, Float32Array | Int32Array | Uint8Array>} */
  const arrays = {};
  for (const [name, type, offset, bytes] of /** @type {[string, keyof typeof TYPES, number, number][]} */ (
    header.blobs
  )) {
    const start = 4 + length + offset;
    // A copy: the message's own bytes need not lie where a Float32Array may start.
    const copy = data.slice(start, start + bytes);
    arrays[name] = new TYPES[type](copy.buffer);
  }
  return { header, arrays: /** @type {Arrays} */ (/** @type {unknown} */ (arrays)) };
}
