import { absolute, decimalsFor, valueText } from "../charts/format.js";
import { Marks } from "../charts/marks.js";
import { roundRange } from "../charts/scale.js";
import { hasBands } from "./answer.js";
import { areWhole, extentOf, join, lonely, nearest } from "./join.js";
import { createPlot, drawPlot } from "./plot.js";

const TEMPLATE = document.createElement("template");
TEMPLATE.innerHTML = `
  <header class="panel-head"><h3 class="panel-title"></h3><p class="panel-time"></p></header>
  <div class="panel-plot"></div>
  <ul class="legend" aria-label="Series"></ul>`;

/** The crosshair speaks of a point within this many pixels. */
const NEAR_PX = 12;

/**
 * @typedef {Object} PanelEvents
 * @property {(from: number, to: number) => void} onZoom
 * @property {() => void} onUndo
 * @property {string} words of the range that is shown
 * @property {boolean} isBesideWords whether a panel of the page has words at its axis
 */

/** One value scale with its lines: title, plot, and a legend that says each line's value and takes lines away. */
export class ExplorePanel extends HTMLElement {
  #panel = null;
  #plot = null;
  #made = "";
  #data = [[]];
  #columns = [];
  #dots = [];
  #x = [0, 1];
  #hidden = new Set();
  #events = null;
  #parts = {};
  #marks = null;
  #found = [];

  /**
   * @param {import("./answer.js").Panel} panel
   * @param {[number, number]} x ends of the range
   * @param {PanelEvents} events
   */
  show(panel, x, events) {
    if (!this.firstChild) this.#build();
    [this.#panel, this.#x, this.#events] = [panel, x, events];
    this.#join();
    this.#parts.title.textContent = panel.unit ? `${panel.title} (${panel.unit})` : panel.title;
    const made = JSON.stringify([panel.lines.map((line) => [line.key, line.colour, line.pattern]), panel.words, this.#hasBands, events.isBesideWords]);
    if (made !== this.#made) this.#rebuild(made);
    this.#draw();
    this.mark(this.#found);
  }

  /** @param {import("../charts/marks.js").Finding[]} findings of which those of its lines are marked */
  mark(findings) {
    this.#found = findings;
    const shown = new Set(this.#panel?.lines.flatMap(({ series: { model, field, device } }) => [field, ""].map((of) => [model, of, device].join("/"))));
    this.#marks?.show(findings.filter(({ model, field, device }) => shown.has([model, field, device].join("/"))));
  }

  /** @param {[number, number]} x the range has moved, and nothing else has changed */
  move(x) {
    this.#x = x;
    if (this.#plot) drawPlot(this.#plot, null, x, this.#range());
  }

  /** Draw in another size or in other colours. */
  redraw() {
    if (!this.#plot) return;
    const { width, height } = this.#size();
    if (width !== this.#plot.width || height !== this.#plot.height) this.#plot.setSize({ width, height });
    else this.#plot.redraw(false);
  }

  disconnectedCallback() {
    this.#plot?.destroy();
    this.#plot = null;
    this.#made = "";
  }

  get #hasBands() {
    return hasBands(this.#panel);
  }

  #build() {
    this.append(TEMPLATE.content.cloneNode(true));
    for (const name of ["title", "time", "plot"]) this.#parts[name] = this.querySelector(`.panel-${name}`);
    this.#parts.legend = this.querySelector(".legend");
    this.#parts.legend.addEventListener("click", (event) => this.#toggle(event.target.closest("button")?.dataset.key));
  }

  #join() {
    const { lines, words } = this.#panel;
    const count = lines.length;
    const edges = this.#hasBands ? lines.flatMap((_, index) => [[index, 2], [index, 3]]) : [];
    const { xs, columns } = join(lines.map(({ series }) => series.points), [...lines.map((_, index) => [index, 1]), ...edges]);
    this.#columns = columns.slice(0, count);
    const places = words && new Map(words.map((word, index) => [word, index]));
    const toDraw = (value) => (typeof value === "string" || typeof value === "boolean" ? places.get(value) ?? null : value);
    this.#data = [xs, ...(words ? columns.map((values) => values.map(toDraw)) : columns)];
    this.#dots = this.#columns.map(lonely);
  }

  #rebuild(made) {
    this.#plot?.destroy();
    this.#made = made;
    const { lines, words } = this.#panel;
    const keys = new Set(lines.map((line) => line.key));
    this.#hidden = new Set([...this.#hidden].filter((key) => keys.has(key)));
    this.#plot = createPlot(this.#parts.plot, this.#size(), {
      lines, words, isBesideWords: this.#events.isBesideWords, hasBands: this.#hasBands,
      dots: (index) => this.#dots[index] ?? [],
      onCursor: (index) => this.#drawValues(index), onZoom: (from, to) => this.#events.onZoom(from, to), onUndo: () => this.#events.onUndo(),
    });
    this.#plot.ctx.canvas.setAttribute("role", "img");
    this.#marks = new Marks(this.#plot);
    this.#parts.legend.replaceChildren(...lines.map(legendEntry));
    this.#showHidden();
  }

  #draw() {
    drawPlot(this.#plot, this.#data, this.#x, this.#range());
    this.#drawValues(null);
    this.#describe();
  }

  #range() {
    const { words, lines } = this.#panel;
    if (words) return [-0.5, words.length - 0.5];
    const shown = this.#data.slice(1).filter((_, index) => !this.#hidden.has(lines[this.#lineOf(index)].key));
    return roundRange(extentOf(shown));
  }

  /** Columns are first one for each line, then two for each: minimum and maximum. */
  #lineOf(column) {
    const count = this.#panel.lines.length;
    return column < count ? column : Math.floor((column - count) / 2);
  }

  #toggle(key) {
    if (!key) return;
    if (!this.#hidden.delete(key)) this.#hidden.add(key);
    this.#showHidden();
    drawPlot(this.#plot, null, this.#x, this.#range());
  }

  #showHidden() {
    const { lines } = this.#panel;
    this.#data.slice(1).forEach((_, index) => {
      this.#plot.setSeries(index + 1, { show: !this.#hidden.has(lines[this.#lineOf(index)].key) });
    });
    for (const button of this.#parts.legend.querySelectorAll("button")) {
      button.setAttribute("aria-pressed", String(!this.#hidden.has(button.dataset.key)));
    }
  }

  /** Write the values under the crosshair, or the newest of each line while there is none. */
  #drawValues(index) {
    const [xs] = this.#data;
    const within = ((this.#x[1] - this.#x[0]) / Math.max(1, this.#plot?.bbox.width / devicePixelRatio || 600)) * NEAR_PX;
    const text = this.#text();
    this.#parts.time.textContent = index === null || xs[index] === undefined ? "" : absolute(xs[index]).slice(0, 23);
    this.#columns.forEach((values, line) => {
      const at = index === null ? values.findLastIndex((value) => value !== null && value !== undefined) : nearest(xs, values, index, within);
      const value = this.#parts.legend.children[line]?.querySelector(".legend-value");
      if (value) value.textContent = at === null || at < 0 ? "–" : text(values[at]);
    });
  }

  #text() {
    const [min, max] = extentOf(this.#columns) ?? [0, 1];
    const decimals = decimalsFor(min, max, this.#panel.unit);
    const whole = areWhole(this.#columns);
    return (value) => valueText(value, decimals, whole);
  }

  #describe() {
    const { title, unit, lines } = this.#panel;
    const range = extentOf(this.#columns);
    const text = this.#text();
    const between = range ? `, between ${text(range[0])} and ${text(range[1])} ${unit}` : "";
    const label = `${title}, ${lines.length} series, ${this.#events.words}${between}. The table holds the same.`;
    this.#plot.ctx.canvas.setAttribute("aria-label", label);
  }

  #size() {
    const { clientWidth, clientHeight } = this.#parts.plot;
    return { width: Math.max(120, clientWidth), height: Math.max(100, clientHeight) };
  }
}

function legendEntry(line) {
  const item = document.createElement("li");
  const button = Object.assign(document.createElement("button"), { type: "button", title: `Show or hide ${line.name}` });
  button.dataset.key = line.key;
  const swatch = Object.assign(document.createElement("span"), { className: "swatch" });
  Object.assign(swatch.dataset, { colour: line.colour, dash: line.isEarlier || line.series.isForecast ? "earlier" : String(line.pattern % 4) });
  button.append(swatch, Object.assign(document.createElement("span"), { className: "legend-name", textContent: line.name }));
  item.append(button, Object.assign(document.createElement("span"), { className: "legend-value" }));
  return item;
}

customElements.define("explore-panel", ExplorePanel);
