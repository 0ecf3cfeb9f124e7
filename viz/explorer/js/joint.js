// The joint map of a head: the pure Plotly figure, hosted by plotly.js, so that a zoom stays when links are drawn.

import { HOST, plotly } from "./plotly.js";

/** @import { JointInput, JointPayload, PlotElement } from "./types.js" */

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
export function called({ columns, id, tokens }, position) {
  const patch = position - tokens.length;
  if (columns !== null && patch >= 0) {
    return `the patch in row ${Math.floor(patch / columns)}, column ${patch % columns}<br>${id}`;
  }
  const around = columns === null ? AROUND : 0;
  const first = Math.max(0, position - around);
  const words = tokens.slice(first, position + around + 1);
  words[position - first] = `<b>${words[position - first]}</b>`;
  return `${words.join(" ")}<br>position ${position}, ${id}`;
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
  const Plotly = await plotly();
  if (drawn.get(box)?.payload !== payload) return; // meanwhile another came
  await Plotly.react(box, traces(payload), payload.figure.layout, CONFIG);
  if (!box.dataset.listening) listen(box);
}

/** @param {PlotElement} box */
function listen(box) {
  box.dataset.listening = "1";
  box.on("plotly_click", ({ points: [{ customdata, data }] }) => {
    const found = drawn.get(box);
    if (!found || customdata === undefined) return;
    const { input, inputs, position } = found.payload;
    found.tell("point", [data.meta, inputs[input[customdata]].number, position[customdata]].join("-"));
  });
}
