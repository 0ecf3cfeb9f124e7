// What the joint map says of a point: its token in its sentence, or its patch.

import assert from "node:assert/strict";
import { test } from "node:test";
import { called, traces } from "../../viz/explorer/js/joint.js";

const TEXT = { number: 7, id: "t.txt:7", tokens: [..."abcdefghijklmnopq"], columns: null };
const PHOTO = { number: 9, id: "a.jpg", tokens: ["[CLS]"], columns: 3 };

test("a token stands in its sentence", () => {
  assert.equal(called(TEXT, 0), "<b>a</b> b c d e f g<br>position 0, t.txt:7");
  assert.equal(called(TEXT, 8), "c d e f g h <b>i</b> j k l m n o<br>position 8, t.txt:7");
  assert.equal(called(TEXT, 16), "k l m n o p <b>q</b><br>position 16, t.txt:7");
});

test("a patch is named by its row and column, and what lies before them by its token", () => {
  assert.equal(called(PHOTO, 0), "<b>[CLS]</b><br>position 0, a.jpg");
  assert.equal(called(PHOTO, 6), "the patch in row 1, column 2<br>a.jpg");
});

test("each trace gets what is said of its own points; lines get nothing", () => {
  const figure = { data: [{ customdata: [1, 0] }, {}], layout: {} };
  const [points, lines] = traces({ figure, inputs: [TEXT, PHOTO], input: [0, 1], position: [16, 6], alt: "" });
  assert.deepEqual(/** @type {{text: string[]}} */ (points).text, [called(PHOTO, 6), called(TEXT, 16)]);
  assert.equal("text" in lines, false);
});
