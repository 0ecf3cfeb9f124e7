// What the joint map says of a point: its token in its sentence, or its patch.

import assert from "node:assert/strict";
import { test } from "node:test";
import { called, placed, traces } from "../../viz/explorer/js/joint.js";

const TEXT = { number: 7, id: "t.txt:7", tokens: [..."abcdefghijklmnopq"], grid: null, picture: null };
/** @type {import("../../viz/explorer/js/types.js").JointInput} */
const PHOTO = { number: 9, id: "a.jpg", tokens: ["[CLS]"], grid: [2, 3], picture: "data:," };

test("a token stands in its sentence", () => {
  assert.equal(called(TEXT, 0), "<b>a</b> b c d e f g<br>position 0, t.txt:7");
  assert.equal(called(TEXT, 8), "c d e f g h <b>i</b> j k l m n o<br>position 8, t.txt:7");
  assert.equal(called(TEXT, 16), "k l m n o p <b>q</b><br>position 16, t.txt:7");
});

test("a patch is named by its row and column, and what lies before them by its token", () => {
  assert.equal(called(PHOTO, 0), "<b>[CLS]</b><br>position 0, a.jpg");
  assert.equal(called(PHOTO, 6), "patch (1, 2)<br>a.jpg");
});

test("a patch has its place in its photo; what is no patch, or has no picture, has none", () => {
  assert.deepEqual(placed(PHOTO, 6), { top: "50%", left: `${200 / 3}%`, height: "50%", width: `${100 / 3}%` });
  assert.equal(placed(PHOTO, 0), null);
  assert.equal(placed({ ...PHOTO, picture: null }, 6), null);
  assert.equal(placed(TEXT, 3), null);
});

test("each trace gets what is said of its own points; lines get nothing", () => {
  const figure = { data: [{ customdata: [1, 0] }, {}], layout: {} };
  const [points, lines] = traces({ figure, inputs: [TEXT, PHOTO], input: [0, 1], position: [16, 6], alt: "" });
  assert.deepEqual(/** @type {{text: string[]}} */ (points).text, [called(PHOTO, 6), called(TEXT, 16)]);
  assert.equal("text" in lines, false);
});
