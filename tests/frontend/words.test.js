import assert from "node:assert/strict";
import { test } from "node:test";
import {
  behind,
  fileName,
  fill,
  givenToKey,
  headsName,
  headsOf,
  nameOf,
  namesOf,
  percent,
  specialShare,
  strongest,
  targets,
  title,
  toKey,
  toldApart,
} from "../../viz/explorer/js/words.js";
import { header, VIEW, WORDING } from "./fixtures.js";

test("a token cannot write into a template", () => {
  assert.equal(fill("{a} and {b}", { a: "{b}", b: "$& $1" }), "{b} and $& $1");
});

test("scope and reduction are one word in the control, and come back from it", () => {
  for (const key of ["head", "layer-mean", "layer-max", "all-mean", "all-max"])
    assert.equal(headsName(headsOf(key)), key);
  // The server's views of one head have no other reduction: with one, it would never be found to have answered.
  assert.deepEqual(headsOf("head"), { scope: "head", reduction: "mean" });
});

test("a file of several heads says how many", () => {
  const heads = /** @type {[number, number][]} */ ([
    [0, 1],
    [1, 2],
  ]);
  assert.equal(fileName(VIEW), "layer1-head2");
  assert.equal(fileName({ ...VIEW, scope: "heads", reduction: "max", heads }), "2heads-max");
  assert.equal(fileName({ ...VIEW, scope: "all" }), "all-mean");
});

test("a percentage has more decimals the smaller it is", () => {
  const cases = /** @type {const} */ ([
    [0, "none"],
    [0.0009, "hardly any"],
    [0.001, "0.10 pc"],
    [0.0099, "0.99 pc"],
    [0.01, "1.0 pc"],
    [0.1, "10 pc"],
    [1, "100 pc"],
  ]);
  for (const [weight, written] of cases) assert.equal(percent(WORDING, weight), written);
});

test("names: quoted, special, from right to left, of a patch", () => {
  assert.equal(nameOf(header(), 0), "[CLS]");
  assert.equal(nameOf(header(), 1), "'it'");
  assert.equal(nameOf(header(), 2), "'\u2068שלום\u2069'");
  assert.equal(nameOf(header({ isolate: [] }), 2), "'שלום'"); // Python decides which
  const special = header({ isolate: [], tokens: ["[CLS]", "the", "[it", "x"], special: [1, 1, 0, 0] });
  assert.deepEqual(
    [0, 1, 2].map((token) => nameOf(special, token)),
    ["[CLS]", "'the'", "'[it'"],
  );
  const photo = header({ tokens: ["[CLS]", "(0, 0)"], special: [1, 0], prefix: 1, grid: [1, 1] });
  assert.deepEqual([nameOf(photo, 0), nameOf(photo, 1)], ["[CLS]", "cell (0, 0)"]);
});

test("the title says which heads, and from which token", () => {
  assert.equal(title(header(), VIEW, [1]), "<L1H2> from 'it'");
  assert.equal(title(header(), { ...VIEW, direction: "by" }, [0]), "<L1H2> to [CLS]");
  assert.equal(title(header(), { ...VIEW, scope: "layer" }, [1]), "<L1 mean> from 'it'");
  assert.equal(title(header(), { ...VIEW, scope: "all", reduction: "max" }, [1]), "<all max> from 'it'");
  assert.equal(title(header(), VIEW, [0, 1, 3]), "<L1H2> mean from 3: [CLS], 'it', [SEP]");
  const many = title(header(), { ...VIEW, direction: "by" }, [0, 1, 1, 1, 3]);
  assert.equal(many, "<L1H2> sum to 5: [CLS], 'it', … [SEP]");
  /** @type {[number, number][]} */
  const heads = [0, 1, 2].map((head) => [1, head]);
  const merged = { ...VIEW, scope: /** @type {const} */ ("heads"), reduction: /** @type {const} */ ("max"), heads };
  assert.equal(title(header(), merged, [1]), "<max of 3: 1/0, 1/1, 1/2> from 'it'");
});

test("the strongest come first, and of equals the one that comes first", () => {
  const weights = Float32Array.of(0.5, 0.25, 0.25, 0.125);
  assert.deepEqual(strongest(header(), weights, 3, { special: true }), [[0, 0.5], [1, 0.25], [2, 0.25]]); // biome-ignore format: one line
  assert.deepEqual(strongest(header(), weights, 9, { special: false }), [[1, 0.25], [2, 0.25]]); // biome-ignore format: one line
});

test("the order by the weight to a key says how many queries give it, and that it is what they give", () => {
  const several = { queries: [1, 2, 3, 5] };
  assert.deepEqual([VIEW, several].map(toKey), ["weight from query to a key", "weight from 4 queries to a key"]);
  assert.equal(givenToKey(VIEW), "The weight that the query gives to this key.");
  assert.match(givenToKey({ ...VIEW, direction: "by" }), /query gives to this key, not what it gets from it\.$/);
  assert.equal(givenToKey({ ...VIEW, ...several }), "The mean of what the 4 queries give to this key.");
  assert.match(givenToKey({ ...several, direction: "by" }), /the 4 queries give to this key, not what they get/);
});

test("targets are the strongest ordinary token and what comes near it", () => {
  assert.equal(targets(header(), Float32Array.of(0.5, 0.5, 0.125, 0)), "'it' 50 pc, '\u2068שלום\u2069' 13 pc");
  assert.equal(targets(header(), Float32Array.of(0.5, 0.5, 0.0625, 0)), "'it' 50 pc");
  const photo = header({ tokens: ["[CLS]", "(0, 0)"], special: [1, 0], prefix: 1, grid: [1, 1] });
  assert.equal(targets(photo, Float32Array.of(0.5, 0.5)), "cell (0, 0) 50 pc");
  const same = header({ isolate: [], tokens: ["[UNK]", "a", "[UNK]", ","], special: [0, 0, 0, 0] });
  const three = targets(same, Float32Array.of(0.4, 0.3, 0.2, 0));
  assert.equal(three, "'[UNK]'@0 40 pc, 'a' 30 pc, '[UNK]'@2 20 pc");
  assert.equal(targets(same, Float32Array.of(0.4, 0, 0, 0.2)), "'[UNK]' 40 pc, ',' 20 pc");
  assert.equal(targets(header(), Float32Array.of(1, 0, 0, 0)), ""); // what cannot be looked at is not named
  assert.equal(targets(header(), new Float32Array(4)), "at all"); // as where its only key is left out
});

test("special tokens of one name are added up, the largest first", () => {
  const pair = header({ tokens: ["[CLS]", "a", "[SEP]", "b", "[SEP]"], special: [1, 0, 1, 0, 1] });
  const share = specialShare(pair, Float32Array.of(0.25, 0, 0.125, 0, 0.25), "at");
  assert.deepEqual(share, { text: "[SEP] gets 38 pc, [CLS] gets 25 pc", over: "", together: 0.625 });
  assert.equal(specialShare(pair, Float32Array.of(0, 0.5, 0.5, 0, 0), "at").text, "[SEP] gets 50 pc");
  assert.match(specialShare(pair, new Float32Array(5).fill(0.5), "by").text, /gives/);
  assert.equal(behind("it 50 pc", share.text), `(${share.text})`);
  assert.equal(behind("", share.text), share.text); // nothing stands before the brackets
  assert.equal(behind("it 50 pc", ""), "");
  assert.equal(behind("it 50 pc", share.text, "more"), `(${share.text}) more`);
});

test("of several of one name each has its position", () => {
  const tokens = ["[CLS]", "fox", "the", "fox", "[SEP]", "[SEP]"];
  assert.deepEqual(toldApart(WORDING, tokens), ["[CLS]", "fox@1", "the", "fox@3", "[SEP]@4", "[SEP]@5"]);
  assert.deepEqual(
    toldApart(WORDING, tokens, (at) => 10 * at),
    ["[CLS]", "fox@10", "the", "fox@30", "[SEP]@40", "[SEP]@50"],
  );
  const plain = header({ tokens, special: [1, 0, 0, 0, 1, 1], isolate: [] });
  const called = tokens.map((_, token) => nameOf(plain, token));
  const foxes = { ...plain, names: toldApart(WORDING, called) };
  const named = "'fox'@1 50 pc, 'the' 25 pc, 'fox'@3 25 pc";
  assert.equal(targets(foxes, Float32Array.of(0, 0.5, 0.25, 0.25, 0, 0)), named);
  assert.deepEqual([nameOf(foxes, 3), nameOf(foxes, 2), nameOf(foxes, 5)], ["'fox'@3", "'the'", "[SEP]@5"]);
});

test("a weight above 100 % is explained, of special tokens together too", () => {
  const text = header({ isolate: [], tokens: ["[SEP]", "a", "[SEP]"], special: [1, 0, 1] });
  assert.equal(specialShare(text, Float32Array.of(0, 1.36, 0), "by").over, "more than all");
  const both = specialShare(text, Float32Array.of(0.7, 0, 0.6), "by");
  assert.equal(behind("a 10 pc", both.text, both.over), "([SEP] gives 130 pc) more than all");
  assert.equal(specialShare(text, Float32Array.of(0, 1.0001, 0), "by").over, ""); // rounded
});

test("a rectangle of patches is called by its corners", () => {
  const cells = Array.from({ length: 20 }, (_, cell) => `(${Math.floor(cell / 5)}, ${cell % 5})`);
  const photo = header({ tokens: ["[CLS]", ...cells], special: [1, ...Array(20).fill(0)], prefix: 1, grid: [4, 5], isolate: [] }); // biome-ignore format: one line
  assert.equal(namesOf(photo, [8, 9, 10, 13, 14, 15]), "cells (1, 2)-(2, 4) (2x3)");
  assert.equal(namesOf(photo, [7, 8]), "cells (1, 1)-(1, 2) (1x2)");
  assert.equal(namesOf(photo, [7, 13]), "cell (1, 1), cell (2, 2)");
  assert.equal(namesOf(photo, [8, 9, 10, 13, 15]), "cell (1, 2), cell (1, 3), … cell (2, 4)");
  assert.equal(namesOf(photo, [0, 1, 2]), "[CLS], cell (0, 0), cell (0, 1)");
  assert.equal(namesOf(photo, [7]), "cell (1, 1)");
});
