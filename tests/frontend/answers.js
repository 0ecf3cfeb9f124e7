// What the file without a server computes for some views: node answers.js EVERYTHING VIEWS OUT, for Python to compare.

import { readFileSync, writeFileSync } from "node:fs";
import { Answers } from "../../viz/explorer/js/answers.js";
import { unpack } from "../../viz/explorer/js/payload.js";
import { Recorded } from "../../viz/explorer/js/recorded.js";

/** @import { Kept } from "../../viz/explorer/js/recorded.js" */
/** @import { Arrays } from "../../viz/explorer/js/types.js" */

const [everything, views, out] = process.argv.slice(2);
/** @type {unknown} */
const unpacked = unpack(new Uint8Array(readFileSync(everything)));
const answers = new Answers(new Recorded(/** @type {{header: Kept, arrays: Arrays}} */ (unpacked)));
const all = [];
for (const view of JSON.parse(readFileSync(views, "utf8"))) {
  const { header, arrays } = await answers.to(view);
  const coded = Object.entries(arrays).flatMap(([name, array]) => {
    if (array === undefined) return [];
    const type = array instanceof Float32Array ? "float32" : "uint8";
    return [[name, type, Buffer.from(array.buffer, array.byteOffset, array.byteLength).toString("base64")]];
  });
  all.push({ header, arrays: coded });
}
writeFileSync(out, JSON.stringify(all));
