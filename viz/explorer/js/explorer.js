// One element a page: all linked views of a recording. It stays mounted and repaints by itself; the server hears of pins.

import { paintBars, paintChips } from "./bars.js";
import { download } from "./export.js";
import { HeadGrid } from "./grid.js";
import { Heatmap } from "./heatmap.js";
import { Lens, darkened } from "./lens.js";
import { completed, unpack } from "./payload.js";
import { Strip } from "./strip.js";
import { HeadWeights, MatrixWeights, column, row } from "./weights.js";
import { keepWellFormed } from "./wellformed.js";
import { nameOf, specialShare, targets, title, who } from "./words.js";

keepWellFormed(document);

class Explorer {
  constructor(root) {
    this.root = root;
    this.parts = Object.fromEntries([...root.querySelectorAll("[data-part]")].map((part) => [part.dataset.part, part]));
    this.hover = { token: null, head: null };
    // "move" comes from the arrow keys: they pin as they go, but while a key is being chosen they only point at it.
    this.hearToken = (event, token) => {
      if (event === "hover") return this.preview({ token });
      if (event === "pin" || !this.view.pick) return this.pin({ query: token });
      this.hover.token = token;
      this.paint();
    };
    this.strip = new Strip(this.parts.strip, this.hearToken);
    this.lens = new Lens(this.parts.lens, this.hearToken);
    this.heatmap = new Heatmap(this.parts.heatmap, this.hearToken);
    this.heads = new HeadGrid(this.parts.grid, (event, head) => {
      if (event === "pin") this.pin({ layer: head[0], head: head[1], of: "head" });
      else this.preview({ head });
    });
    this.listen();
  }

  /** The controls: data-set names a view option; its value is data-value, or toggled, or the control's own. */
  listen() {
    const { parts, root } = this;
    for (const control of root.querySelectorAll("[data-set]")) {
      const { set, value } = control.dataset;
      if (control.tagName === "BUTTON") {
        control.onclick = () => this.pin({ [set]: value === undefined ? !this.view[set] : value });
      } else {
        const read = () => (control.type === "range" ? Number(control.value) : control.value);
        if (control.type === "range") control.oninput = () => this.show({ [set]: read() });
        control.onchange = () => this.pin({ [set]: read() });
      }
    }
    root.addEventListener("keydown", (event) => {
      if (!this.view?.pick || event.target.closest("button, select, input, summary")) return;
      if (event.key === "Enter") this.pin({ query: this.hover.token ?? this.view.query });
      if (event.key === "Escape") this.leavePick();
    });
    for (const stepper of root.querySelectorAll("[data-step]")) {
      const [name, by] = stepper.dataset.step.split(":");
      stepper.onclick = () => {
        const count = name === "layer" ? this.header.layers : this.header.heads;
        this.pin({ [name]: Math.min(count - 1, Math.max(0, this.view[name] + Number(by))), of: "head" });
      };
    }
    for (const button of root.querySelectorAll("[data-save]")) {
      button.onclick = () => this.tell("save", { name: button.dataset.save, format: parts.format.value, at: Date.now() });
    }
    parts.copy.onclick = () => this.copyLink();
    parts.matrix.ontoggle = () => {
      if (parts.matrix.open !== this.view.matrix) this.pin({ matrix: parts.matrix.open });
    };
    new ResizeObserver(() => {
      const room = parts.gridBox.clientWidth; // 0: the page has been left
      if (this.header && room && Math.abs(room - this.room) > 2) this.layOut();
    }).observe(parts.gridBox);
  }

  async load({ header, arrays: fresh }, tell) {
    const arrays = completed(header, fresh);
    if (arrays === null) return tell("view", { ...header.view, at: Date.now() }); // without "has": all is sent again
    if (header.save && header.save.at !== this.saved) {
      this.saved = header.save.at;
      download(header.save);
    }
    const turn = (this.turn = (this.turn ?? 0) + 1);
    const photo = header.grid ? await this.photoOf(header.key, arrays.photo) : null;
    if (turn !== this.turn) return; // a newer payload came while the photo was decoded
    const view = this.viewOf(header);
    const { tokens } = header;
    Object.assign(this, { header, arrays, view, photo, tell });
    this.source = null;
    if (arrays.matrix) this.source = new MatrixWeights(arrays, tokens.length);
    else if (arrays.lse) this.source = new HeadWeights(arrays, header);
    this.root.dataset.kind = header.grid ? "image" : "text";
    if (header.grid) {
      this.lens.load(header, photo);
      if (this.parts.bars.parentElement !== this.parts.left) this.parts.left.append(this.parts.bars); // there is room
    } else this.strip.load(tokens);
    this.layOut();
    this.marks();
    if (header.figure) {
      const { pooled } = arrays;
      const drawn = pooled ? new MatrixWeights({ matrix: pooled }, Math.sqrt(pooled.length)) : this.source;
      await this.heatmap.load(header, drawn, this.weightTable());
    }
    if (turn !== this.turn) return;
    // For tests and benchmarks: what has been painted, and when.
    this.root.dataset.painted = JSON.stringify([header.key, header.view.layer, header.view.head, header.view.query]);
    window.headlensFirst ??= performance.now();
    if (this.told && JSON.stringify(this.asked) === JSON.stringify({ ...header.view, pick: false })) this.ask();
    clearTimeout(this.asking);
    if (header.more && !this.told) this.asking = setTimeout(() => tell("more", header.key), 150);
  }

  /** The server's view; but where more has been pinned since it was asked, what is pinned here. */
  viewOf(header) {
    const same = this.header?.key === header.key;
    const view = { ...header.view, pick: same && Boolean(this.view.pick) };
    const behind = same && this.told && JSON.stringify(this.told) !== JSON.stringify({ ...view, pick: false });
    if (behind && Date.now() - this.toldAt < 5000) return { ...this.told, pick: view.pick };
    this.told = null;
    this.ask();
    return view;
  }

  async photoOf(key, bytes) {
    if (this.photoKey !== key) {
      this.bitmap = await createImageBitmap(new Blob([bytes]));
      this.photoKey = key;
    }
    return this.bitmap;
  }

  layOut() {
    const { header, parts } = this;
    this.room = parts.gridBox.clientWidth;
    if (this.photo && this.smallOf !== this.photo) {
      this.small = darkened(this.photo, 192, Math.round(192 / header.aspect));
      this.smallOf = this.photo;
    }
    this.heads.load(header, this.arrays, this.small, this.room);
    this.heads.view = this.view;
    this.paint();
    this.paintGrid();
  }

  /** Change the view here and now; the server hears of it, and sends what is not here yet. */
  pin(change) {
    if (change.pick) {
      this.show(change); // it waits for the token, and the server need not know
      return this.parts[this.header.grid ? "lens" : "strip"].focus();
    }
    if (change.pick === false) return this.leavePick();
    if (this.view.pick && change.query !== undefined) change = { key: change.query, pick: false, order: "key" };
    this.hover.token = this.hover.head = null;
    this.show(change);
    const told = { ...this.view, pick: false };
    if (JSON.stringify(told) === JSON.stringify(this.told ?? this.header.view)) return;
    this.told = told;
    this.toldAt = Date.now();
    if (!this.asked || Date.now() - this.askedAt > 3000) this.ask();
  }

  leavePick() {
    this.hover.token = null;
    this.show({ pick: false });
  }

  /** Tell the server one view at a time, and the newest when it has answered: Streamlit can lose the answer of a run
   *  when others are asked for meanwhile. */
  ask() {
    this.asked = this.told;
    this.askedAt = Date.now();
    if (this.told) this.tell("view", { ...this.told, has: this.header.key, at: Date.now() }); // new each time: what "back" has left can be pinned again
  }

  show(change) {
    this.view = { ...this.view, ...change };
    this.heads.view = this.view;
    this.marks();
    this.paint();
    this.paintGrid();
  }

  preview(change) {
    Object.assign(this.hover, change);
    this.pending ??= requestAnimationFrame(() => {
      this.pending = undefined;
      this.paint();
      if ("head" in change) this.paintGrid();
    });
  }

  /** Whose weights are to be seen now, as {token, view, weights}. */
  seen() {
    const { arrays, header, hover } = this;
    let { view } = this;
    const sent = header.view;
    const moved = view.of === "head" && (view.layer !== sent.layer || view.head !== sent.head || sent.of !== "head");
    const head = hover.head ?? (moved ? [view.layer, view.head] : null);
    if (head) {
      // Another head than the pinned one: the server has sent what the pinned token gives to all, in steps of 1/255.
      const place = head[0] * header.heads + head[1];
      const steps = arrays.preview.subarray(place * header.tokens.length, (place + 1) * header.tokens.length);
      const weights = Float32Array.from(steps, (step) => (step / 255) * arrays.tops[place]);
      const specials = header.special.flatMap((is, token) => (is ? [token] : []));
      specials.forEach((token, i) => (weights[token] = arrays.previewSpecial[place * specials.length + i]));
      return { token: sent.query, view: { ...view, direction: sent.direction, of: "head", layer: head[0], head: head[1] }, weights };
    }
    const { of, layer, head: one, direction } = sent;
    // Until the mean or maximum of other heads is here, the words too say what is still to be seen.
    if (view.of !== "head") view = { ...view, of, layer, head: one };
    if (!this.source) return { token: sent.query, view: { ...view, direction }, weights: arrays.row };
    const token = hover.token ?? view.query;
    return { token, view, weights: (view.direction === "at" ? row : column)(this.source, token) };
  }

  paint() {
    const { header, hover, parts } = this;
    const { token, view, weights } = this.seen();
    parts.title.textContent = `${title(header, view, token)}:`;
    parts.targets.textContent = targets(header, weights);
    const at = view.pick ? (hover.token ?? view.query) : this.view.query;
    const share = specialShare(header, weights, view.direction);
    parts.special.textContent = share.text && `(${share.text})`;
    parts.why.textContent = view.direction === "at" && share.together >= 0.2 ? header.why : "";
    if (header.grid) {
      this.lens.paint(weights, this.view.query, hover.token, at, view, this.arrays.heatTable);
      paintChips(parts.chips, header, weights, this.view.query, this.hearToken);
    } else {
      this.strip.paint(weights, header.special, this.view.query, hover.token, at);
    }
    paintBars(parts.bars, header, weights, header.grid ? 6 : 10, this.hearToken);
    if (header.figure) this.heatmap.outline(token);
  }

  paintGrid() {
    const style = getComputedStyle(this.root);
    const colours = {
      heatTable: this.arrays.heatTable,
      weightTable: this.weightTable(),
      colour: style.color,
      accent: style.getPropertyValue("--st-primary-color") || "#c2410c",
    };
    this.heads.paint(colours, this.hover.head);
  }

  /** The colours of weights that suit the page: light letters mean a dark one. */
  weightTable() {
    const [red, green, blue] = (getComputedStyle(this.root).color.match(/[\d.]+/g) ?? [0, 0, 0]).map(Number);
    return red + green + blue > 384 ? this.arrays.darkTable : this.arrays.lightTable;
  }

  /** What the controls show. */
  marks() {
    const { header, parts, view } = this;
    for (const control of this.root.querySelectorAll("[data-set]")) {
      const { set, value } = control.dataset;
      if (control.tagName !== "BUTTON") control.value = view[set];
      else control.setAttribute("aria-pressed", value === undefined ? Boolean(view[set]) : view[set] === value);
    }
    parts.layerNow.textContent = `Layer ${view.layer}`;
    parts.headNow.textContent = `Head ${view.head}`;
    const scales = view.shared ? "one colour scale for all heads" : "each head on its own colour scale";
    const places = header.view.order === "layer" ? "layers down, heads across" : "layer·head below each";
    parts.legend.textContent = [places, scales, header.gridNote].filter(Boolean).join("; ");
    parts.keyNow.textContent = "";
    if (view.pick) parts.keyNow.textContent = "now press a token";
    else if (view.order === "key") parts.keyNow.textContent = nameOf(header, view.key);
    parts.words.textContent = header.words;
    parts.link.textContent = header.link;
    parts.matrix.open = view.matrix;
    parts.heatmap.hidden = header.view.matrix && !header.figure;
    parts.matrixNote.textContent = header.matrixNote;
    parts.grid.setAttribute("aria-description", who(view));
  }

  async copyLink() {
    const { copy } = this.parts;
    try {
      await navigator.clipboard.writeText(location.href);
      copy.textContent = "Copied";
    } catch {
      prompt("Copy this link:", location.href); // where the clipboard is not to be had
    }
    setTimeout(() => (copy.textContent = "Copy link"), 1500);
  }
}

/** Called by Streamlit at the first paint, and again at each change of data or theme. */
export default function render({ data, parentElement, setStateValue, setTriggerValue }) {
  const root = parentElement.querySelector(".hl");
  root.explorer ??= new Explorer(root);
  const tell = (name, value) => (name === "view" ? setStateValue : setTriggerValue)(name, value);
  root.explorer.load(unpack(data), tell);
}
