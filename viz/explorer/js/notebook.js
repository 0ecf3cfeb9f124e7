// The explorer in a notebook: what Streamlit's element gets as data and tells as states, anywidget's model has as
// traits.

import { Explorer } from "./explorer.js";
import { unpack } from "./payload.js";
import { download, takePlotlyFrom } from "./plotly.js";
import { isDark } from "./theme.js";

/** @import { SavedFigure, Tell } from "./types.js" */

/**
 * The part of anywidget's model that is used.
 * @typedef {object} Model
 * @property {(name: string) => any} get
 * @property {(name: string, value: unknown) => void} set
 * @property {() => void} save_changes
 * @property {(message: object) => void} send
 * @property {(event: string, listener: (...told: any[]) => void) => void} on
 * @property {(event: string, listener: (...told: any[]) => void) => void} off
 */

/**
 * @param {object} widget
 * @param {Model} widget.model
 * @param {HTMLElement} widget.el
 */
function render({ model, el }) {
  el.classList.add("headlens");
  el.innerHTML = model.get("_html");
  const root = /** @type {HTMLElement & {explorer?: Explorer}} */ (el.querySelector(".hl"));
  const explorer = new Explorer(root);
  root.explorer = explorer; // where the page has it
  /** @type {unknown} When this view last asked for a picture: others of the same model did not. */
  let wantedAt;

  /** @type {Tell} */
  const tell = (name, value) => {
    if (name === "more") return; // a notebook gets all at once
    if (name === "save") {
      const wanted = /** @type {SavedFigure} */ (value);
      wantedAt = wanted.at;
      model.set("_wanted", { ...wanted, theme: isDark(root) ? "dark" : "light" });
    } else model.set("_pinned", value);
    model.save_changes();
  };
  const draw = async () => {
    /** @type {DataView<ArrayBuffer>} */
    const { buffer, byteOffset, byteLength } = model.get("payload");
    await explorer.load(unpack(new Uint8Array(buffer, byteOffset, byteLength)), tell);
    lendStyles(root);
  };
  /** @param {{is: string, saved: SavedFigure}} message */
  const answered = ({ is, saved }) => {
    if (is === "saved" && saved.at === wantedAt) download(saved);
  };
  /** @param {TransitionEvent} event */
  const recoloured = ({ propertyName, target }) => {
    if (target === root && propertyName === "color" && root.isConnected) draw();
  };
  // JupyterLab would move between cells, and cut them, by keys that choose here; Shift+Enter and Ctrl+S stay its.
  /** @param {KeyboardEvent} event */
  const keep = (event) => {
    const choosing = !event.shiftKey || event.key.startsWith("Arrow");
    if (choosing && !(event.ctrlKey || event.metaKey || event.altKey)) event.stopPropagation();
  };

  el.append(hiding(model.get("_mark")));
  takePlotlyFrom(() => plotlyOf(model));
  model.on("change:payload", draw);
  model.on("msg:custom", answered);
  root.addEventListener("keydown", keep);
  root.addEventListener("transitionend", recoloured);
  root.addEventListener("transitioncancel", recoloured); // JupyterLab takes all away while it changes its theme
  draw();
  return () => {
    model.off("change:payload", draw);
    model.off("msg:custom", answered);
  };
}

/**
 * The style that hides the static pictures of this widget, for as long as it is in the document.
 * @param {string} mark
 */
function hiding(mark) {
  const picture = `img[data-headlens="${CSS.escape(mark)}"]`;
  const style = document.createElement("style");
  style.textContent = `${picture}, .jp-OutputArea-child:has(${picture}) { display: none; }`;
  return style;
}

/**
 * Where plotly.js is, once the kernel has sent it.
 * @param {Model} model
 * @returns {Promise<string>}
 */
function plotlyOf(model) {
  return new Promise((done) => {
    /**
     * @param {{is: string}} message
     * @param {DataView<ArrayBuffer>[]} buffers
     */
    const take = ({ is }, buffers) => {
      if (is !== "plotly") return;
      model.off("msg:custom", take);
      done(URL.createObjectURL(new Blob(buffers, { type: "text/javascript" })));
    };
    model.on("msg:custom", take);
    model.send({ want: "plotly" });
  });
}

/**
 * plotly.js writes its styles into the document: a shadow root (marimo's) has none of them, or other ones before them.
 * @param {HTMLElement} root
 */
function lendStyles(root) {
  const around = root.getRootNode();
  const own = /** @type {HTMLStyleElement | null} */ (document.getElementById("plotly.js-style-global"));
  if (!(around instanceof ShadowRoot) || !own?.sheet || around.querySelector("[data-plotly]")) return;
  const copy = document.createElement("style");
  copy.dataset.plotly = "";
  copy.textContent = Array.from(own.sheet.cssRules, (rule) => rule.cssText).join("\n");
  around.append(copy);
}

/** What anywidget asks for; it calls this without arguments. */
export default function notebook() {
  return { render };
}
