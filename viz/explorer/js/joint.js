// The joint map of a head: the pure Plotly figure, hosted by plotly.js, so that a zoom stays when links are drawn.

import { HOST, plotly } from "./plotly.js";

/** @import { JointInput, JointPayload, PlotElement, PlotEvent } from "./types.js" */

const AROUND = 6; // tokens of its sentence before and behind the one under the pointer
const CONFIG = {
  ...HOST,
  modeBarButtons: [["toImage"], ["zoom2d", "pan2d", "zoomIn2d", "zoomOut2d", "resetScale2d"]],
  toImageButtonOptions: { scale: 2 },
  doubleClick: false, // two quick presses are two: else the zoom is lost, and the second press meets another point
  plotGlPixelRatio: globalThis.devicePixelRatio, // by default 2, which draws four times as much where one pixel is one
};

/**
 * Tells the server which point was pressed.
 * @typedef {(name: "point", value: string) => void} Tell
 */

/** What is drawn, by its element. @type {WeakMap<PlotElement, {payload: JointPayload, tell: Tell}>} */
const drawn = new WeakMap();

/**
 * What a point is, in Plotly's markup; ids and tokens come escaped.
 * @param {JointInput} input
 * @param {number} position
 */
export function called({ grid, id, tokens }, position) {
  const patch = position - tokens.length;
  if (grid !== null && patch >= 0) return `patch (${Math.floor(patch / grid[1])}, ${patch % grid[1]})<br>${id}`;
  const around = grid === null ? AROUND : 0;
  const first = Math.max(0, position - around);
  const words = tokens.slice(first, position + around + 1);
  words[position - first] = `<b>${words[position - first]}</b>`;
  return `${words.join(" ")}<br>position ${position}, ${id}`;
}

/**
 * Where a patch lies in its photo, as CSS has it; null for what is no patch, or of a photo without a picture.
 * @param {JointInput} input
 * @param {number} position
 */
export function placed({ grid, picture, tokens }, position) {
  const patch = position - tokens.length;
  if (grid === null || picture === null || patch < 0) return null;
  const [rows, columns] = grid;
  const share = (/** @type {number} */ part, /** @type {number} */ of) => `${(100 * part) / of}%`;
  return {
    top: share(Math.floor(patch / columns), rows),
    left: share(patch % columns, columns),
    height: share(1, rows),
    width: share(1, columns),
  };
}

/**
 * The traces of the figure, their points with what is said of them.
 * @param {JointPayload} payload
 */
export function traces({ figure, input, inputs, position }) {
  const said = position.map((at, index) => called(inputs[input[index]], at));
  return figure.data.map((trace) =>
    trace.customdata ? { ...trace, text: trace.customdata.map((index) => said[index]) } : trace,
  );
}

/** @param {{data: Uint8Array, parentElement: HTMLElement, setTriggerValue: Tell}} component */
export default async function draw({ data, parentElement, setTriggerValue }) {
  const box = /** @type {PlotElement} */ (parentElement.querySelector("[data-part=joint]"));
  /** @type {JointPayload} */
  const payload = JSON.parse(new TextDecoder().decode(data));
  drawn.set(box, { payload, tell: setTriggerValue });
  box.setAttribute("aria-label", payload.alt);
  part(box, "seen").hidden = true;
  const Plotly = await plotly();
  if (drawn.get(box)?.payload !== payload) return; // meanwhile another came
  await Plotly.react(box, traces(payload), payload.figure.layout, CONFIG);
  if (!box.dataset.listening) listen(box);
}

/**
 * @param {PlotElement} box
 * @param {string} name
 */
function part(box, name) {
  return /** @type {HTMLElement} */ (box.parentElement?.querySelector(`[data-part=${name}]`));
}

/**
 * Shows the patch of a point in its photo, on the side where the pointer is not.
 * @param {PlotElement} box
 * @param {PlotEvent} hover
 */
function show(box, { points: [{ customdata }], event }) {
  const seen = part(box, "seen");
  const payload = drawn.get(box)?.payload;
  if (!payload || customdata === undefined) return;
  const input = payload.inputs[payload.input[customdata]];
  const place = placed(input, payload.position[customdata]);
  seen.hidden = place === null;
  if (place === null) return;
  /** @type {HTMLImageElement} */ (seen.querySelector("img")).src = /** @type {string} */ (input.picture);
  Object.assign(/** @type {HTMLElement} */ (seen.querySelector("i")).style, place);
  const { left, width } = box.getBoundingClientRect();
  seen.dataset.side = event && event.clientX < left + width / 2 ? "right" : "left";
}

/** @param {PlotElement} box */
function listen(box) {
  box.dataset.listening = "1";
  box.on("plotly_hover", (event) => show(box, event));
  box.on("plotly_unhover", () => {
    part(box, "seen").hidden = true;
  });
  box.on("plotly_click", ({ points: [{ customdata, data }] }) => {
    const found = drawn.get(box);
    if (!found || customdata === undefined) return;
    const { input, inputs, position } = found.payload;
    found.tell("point", [data.meta, inputs[input[customdata]].number, position[customdata]].join("-"));
  });
}
