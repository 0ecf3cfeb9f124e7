// What the server sends: u32 length of a JSON header, the header, then the blobs that it lists, each at a multiple of 8.

const TYPES = { float32: Float32Array, uint8: Uint8Array };

const LASTING = ["tiles", "photo", "heatTable", "lightTable", "darkTable"]; // the same in every view of a recording
const RECORDINGS = 4; // whose lasting arrays are kept: the server sends them once
const lasting = new Map(); // by the recording's key

/** The arrays, with the ones that came before; null where these are not kept any more. */
export function completed({ key, sent }, arrays) {
  if (sent) return lasting.has(key) ? { ...lasting.get(key), ...arrays } : null;
  lasting.delete(key);
  lasting.set(key, Object.fromEntries(LASTING.filter((name) => arrays[name]).map((name) => [name, arrays[name]])));
  if (lasting.size > RECORDINGS) lasting.delete(lasting.keys().next().value);
  return arrays;
}

/** {header, arrays}: the header, and each blob by its name as a typed array. */
export function unpack(data) {
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  const length = view.getUint32(0, true);
  const header = JSON.parse(new TextDecoder().decode(data.subarray(4, 4 + length)));
  const arrays = {};
  for (const [name, type, offset, bytes] of header.blobs) {
    const start = 4 + length + offset;
    // A copy: the message's own bytes need not lie where a Float32Array may start.
    const copy = data.slice(start, start + bytes);
    arrays[name] = new TYPES[type](copy.buffer);
  }
  return { header, arrays };
}
