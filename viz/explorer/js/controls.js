// The controls beside the views: what they change, and what they show.

import { within } from "./arrows.js";
import { givenToKey, headsName, headsOf, nameOf, toKey } from "./words.js";

/** @import { LinkedView, Measure, Parts, State, ViewFields } from "./types.js" */

/**
 * What the controls ask the explorer to do.
 * @typedef {object} Actions
 * @property {(change: Partial<ViewFields>) => void} pin
 * @property {(change: Partial<ViewFields>) => void} show the change, without telling the server yet
 * @property {(name: string, format: string) => void} save
 */

/** @typedef {HTMLButtonElement | HTMLSelectElement | HTMLInputElement} Control */

/** @implements {LinkedView} */
export class Controls {
  /**
   * @param {HTMLElement} root
   * @param {Parts} parts
   * @param {Actions} actions
   */
  constructor(root, parts, actions) {
    this.root = root;
    this.parts = parts;
    this.actions = actions;
    /** @type {State | null} */
    this.state = null;
    /** @type {ViewFields | null} */
    this.painted = null;
    /** @type {NodeListOf<Control>} A view option each: its value is data-value, or toggled, or the control's own. */
    this.options = root.querySelectorAll("[data-set]");
    for (const option of this.options) this.listenTo(option);
    /** @type {NodeListOf<HTMLOptionElement>} */
    this.several = root.querySelectorAll("option[value^=heads]");
    /** @type {NodeListOf<HTMLElement>} */
    const steppers = root.querySelectorAll("[data-step]");
    for (const stepper of steppers) stepper.onclick = () => this.step(stepper.dataset.step ?? "");
    /** @type {NodeListOf<HTMLElement>} */
    const saves = root.querySelectorAll("[data-save]");
    for (const save of saves) save.onclick = () => actions.save(save.dataset.save ?? "", parts.format.value);
    root.addEventListener("keydown", (event) => this.choose(event));
    parts.copy.onclick = () => copyLink(parts.copy);
    parts.fold.ontoggle = () => {
      if (this.state && parts.fold.open !== this.state.view.matrix) actions.pin({ matrix: parts.fold.open });
    };
  }

  /** @param {Control} control */
  listenTo(control) {
    const { pin, show } = this.actions;
    if (control instanceof HTMLButtonElement) {
      control.onclick = () => {
        if (this.state) pin(changeBy(control, this.state.view));
      };
      return;
    }
    control.onchange = () => pin(changeBy(control));
    if (control.type === "range") control.oninput = () => show(changeBy(control));
  }

  /**
   * One layer or head on, or back: "layer:-1".
   * @param {string} step
   */
  step(step) {
    if (this.state === null) return;
    const { header, view } = this.state;
    const [name, by] = step.split(":");
    const change =
      name === "layer"
        ? { layer: within(view.layer + Number(by), header.layers) }
        : { head: within(view.head + Number(by), header.heads) };
    this.actions.pin({ ...change, ...headsOf("head") });
  }

  /**
   * While a key is being chosen, Enter takes the token that the arrow keys have come to, and Escape none; else Escape
   * goes back from several tokens or heads to one.
   * @param {KeyboardEvent} event
   */
  choose({ key, target }) {
    if (this.state === null) return;
    if (!this.state.view.pick) {
      const { heads, queries } = this.state.view;
      if (key === "Escape" && (queries.length || heads.length)) this.actions.pin({ queries: [], heads: [] });
      return;
    }
    if (target instanceof Element && target.closest("button, select, input, summary")) return; // it has its own Enter
    if (key === "Enter") this.actions.pin({ query: this.state.cursor });
    if (key === "Escape") this.actions.pin({ pick: false });
  }

  /** @param {State} state */
  load(state) {
    this.state = state;
    this.painted = null;
    this.offer(state.header.measures);
  }

  /**
   * The measures among the orders: between by layer, which is the first, and by the weight to a key, the last.
   * @param {Measure[]} measures
   */
  offer(measures) {
    const { orders } = this.parts;
    const offered = [...orders.options].slice(1, -1);
    if (offered.length === measures.length && measures.every(({ key }, i) => offered[i].value === key)) return;
    const options = measures.map(({ key, name, definition }) => {
      const option = new Option(name, key);
      option.title = definition;
      return option;
    });
    orders.replaceChildren(orders.options[0], ...options, orders.options[orders.length - 1]);
  }

  /** @param {State} state */
  paint({ header, view }) {
    if (view === this.painted) return; // what is under the pointer changes no control
    this.painted = view;
    const { parts } = this;
    for (const control of this.options) {
      const { set = "", value } = control.dataset;
      const now = set === "of" ? headsName(view) : view[/** @type {keyof ViewFields} */ (set)];
      const pressed = value === undefined ? Boolean(now) : now === value;
      if (control instanceof HTMLButtonElement) control.setAttribute("aria-pressed", String(pressed));
      else control.value = String(now);
    }
    for (const option of this.several) option.hidden = option.disabled = view.heads.length === 0;
    parts.layerNow.textContent = `Layer ${view.layer}`;
    parts.headNow.textContent = `Head ${view.head}`;
    parts.keyNow.textContent = "";
    if (view.pick) parts.keyNow.textContent = "now press a token";
    else if (view.order === "key") parts.keyNow.textContent = nameOf(header, view.key);
    const measure = header.measures.find(({ key }) => key === view.order);
    const untold = header.view.order === view.order && header.order.every(([, , score]) => score === null);
    const none = untold ? " Nothing in this input tells it." : "";
    parts.measure.textContent = measure ? `${measure.definition} Source: ${measure.source}.${none}` : "";
    if (view.order === "key") parts.measure.textContent = givenToKey(view);
    parts.orders.options[parts.orders.options.length - 1].textContent = toKey(view);
    parts.fold.open = view.matrix;
  }
}

/**
 * What a control asks for.
 * @param {Control} control
 * @param {ViewFields} [view] what is toggled
 * @returns {Partial<ViewFields>}
 */
function changeBy(control, view) {
  const { set = "", value } = control.dataset;
  if (set === "of") return headsOf(control.value);
  if (control instanceof HTMLButtonElement) {
    return { [set]: value ?? !view?.[/** @type {keyof ViewFields} */ (set)] };
  }
  return { [set]: control.type === "range" ? Number(control.value) : control.value };
}

/** @param {HTMLButtonElement} button */
async function copyLink(button) {
  try {
    await navigator.clipboard.writeText(location.href);
    button.textContent = "Copied";
  } catch {
    prompt("Copy this link:", location.href); // where there is no clipboard
  }
  setTimeout(() => {
    button.textContent = "Copy link";
  }, 1500);
}
