import assert from "node:assert/strict";
import { test } from "node:test";
import { crc32 as crcOf } from "node:zlib";
import { describedPng, describedSvg, fileOf } from "../../viz/explorer/js/saved.js";

const ABOUT = { model: "a <b>model</b> & “more”", heads: "Layer 3, head 1" };
const PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";

/** @param {Uint8Array} png */
function chunksOf(png) {
  const view = new DataView(png.buffer, png.byteOffset);
  const chunks = [];
  for (let at = 8; at < png.length; ) {
    const length = view.getUint32(at);
    const content = png.subarray(at + 4, at + 8 + length);
    chunks.push({ content, crc: view.getUint32(at + 8 + length), name: new TextDecoder().decode(content.slice(0, 4)) });
    at += 12 + length;
  }
  return chunks;
}

test("a PNG says what it is of, in chunks that add up", () => {
  const png = Uint8Array.from(Buffer.from(PIXEL, "base64"));
  const chunks = chunksOf(describedPng(png, ABOUT));
  assert.deepEqual(
    chunks.map(({ name }) => name),
    ["IHDR", "iTXt", "iTXt", "IDAT", "IEND"],
  );
  for (const { content, crc } of chunks) assert.equal(crc, crcOf(content));
  const text = new TextDecoder().decode(chunks[1].content);
  assert.ok(text.startsWith("iTXtHeadlens model\0"));
  assert.ok(text.endsWith(ABOUT.model));
});

test("an SVG says it as text that stays text", () => {
  const svg = describedSvg('<svg class="main"><g/></svg>', ABOUT);
  const [, json] = svg.match(/<svg class="main"><metadata id="headlens">(.*)<\/metadata><g\/><\/svg>/) ?? [];
  assert.ok(!json.includes("<"));
  const plain = json.replaceAll("&lt;", "<").replaceAll("&gt;", ">").replaceAll("&amp;", "&");
  assert.deepEqual(JSON.parse(plain), ABOUT);
});

test("both come as plotly.js makes them", async () => {
  const svg = fileOf(`data:image/svg+xml,${encodeURIComponent("<svg>é $& %</svg>")}`, {});
  assert.equal(svg.type, "image/svg+xml");
  assert.match(await svg.text(), /<svg><metadata id="headlens">{}<\/metadata>é \$& %<\/svg>/);
  const png = fileOf(`data:image/png;base64,${PIXEL}`, {});
  assert.deepEqual(Buffer.from(await png.arrayBuffer()).toString("base64"), PIXEL);
});
