import assert from "node:assert/strict";
import { test } from "node:test";
import { completed, unpack } from "../../viz/explorer/js/payload.js";

/**
 * The bytes that the server would send, at an offset of a larger buffer as a websocket has them.
 * @param {Record<string, Float32Array | Uint8Array>} arrays
 * @param {number} offset
 */
function packed(arrays, offset) {
  const blobs = [];
  /** @type {number[]} */
  const body = [];
  for (const [name, array] of Object.entries(arrays)) {
    const type = array instanceof Float32Array ? "float32" : "uint8";
    blobs.push([name, type, body.length, array.byteLength]);
    body.push(...new Uint8Array(array.buffer, array.byteOffset, array.byteLength));
    while (body.length % 8) body.push(0);
  }
  const json = new TextEncoder().encode(JSON.stringify({ id: "ü", blobs }));
  const bytes = new Uint8Array(offset + 4 + json.length + body.length);
  new DataView(bytes.buffer).setUint32(offset, json.length, true);
  bytes.set(json, offset + 4);
  bytes.set(body, offset + 4 + json.length);
  return bytes.subarray(offset);
}

test("arrays are unpacked wherever the message lies", () => {
  const arrays = { tiles: Uint8Array.of(1, 2, 3), tops: Float32Array.of(0.5, -1), mask: new Float32Array() };
  for (let offset = 0; offset < 8; offset++) {
    const payload = unpack(packed(arrays, offset));
    assert.equal(payload.header.id, "ü");
    assert.deepEqual({ ...payload.arrays }, arrays);
  }
});

test("what lasts is held for four recordings", () => {
  const tiles = Uint8Array.of(1);
  const arrays = /** @type {any} */ ({ tiles, row: Float32Array.of(1) });
  assert.equal(completed({ id: "a", sent: false }, arrays), arrays);
  const row = Float32Array.of(2);
  assert.deepEqual(completed({ id: "a", sent: true }, /** @type {any} */ ({ row })), { tiles, row });
  for (const id of "bcd") completed({ id, sent: false }, /** @type {any} */ ({}));
  assert.deepEqual(completed({ id: "a", sent: true }, /** @type {any} */ ({})), { tiles }); // row was of another view
  completed({ id: "a", sent: false }, arrays); // the newest again
  completed({ id: "e", sent: false }, /** @type {any} */ ({}));
  assert.equal(completed({ id: "b", sent: true }, /** @type {any} */ ({})), null);
  assert.notEqual(completed({ id: "a", sent: true }, /** @type {any} */ ({})), null);
});
