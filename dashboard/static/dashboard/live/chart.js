import { clockTime, showTime, span, valueText } from "../charts/format.js";
import { Marks } from "../charts/marks.js";
import { roundRange } from "../charts/scale.js";
import { createPlot, drawPlot } from "./plot.js";
import { extent, plotData } from "./plot-data.js";
import { gapAfter, statusReason } from "./status.js";

const TEMPLATE = document.createElement("template");
TEMPLATE.innerHTML = `
  <header class="chart-head">
    <h3 class="chart-name"><a></a></h3>
    <p class="chart-value"><span class="chart-number"></span> <span class="chart-unit"></span></p>
    <p class="chart-status"><span class="status"></span> <time class="chart-age"></time></p>
    <p class="chart-cursor"></p>
  </header>
  <div class="chart-plot"></div>
  <p class="chart-overlay" hidden></p>`;

/**
 * What a chart is drawn with; the same for all of them, so that they share one time axis.
 * @typedef {Object} View
 * @property {number} now right edge, the server's time
 * @property {boolean} isFrozen whether the page is paused: nothing that came later is shown
 * @property {number} windowS
 * @property {string} window as in "5m"
 * @property {string} windowName as in "5 min"
 * @property {string} model
 * @property {string} field
 * @property {string} label
 * @property {string} unit
 * @property {Map<string, import("./store.js").Field>} fields
 * @property {(field: string) => {decimals: number, whole: boolean}} precision
 * @property {[number, number] | null} range value scale of all charts, null when each has its own
 * @property {(device: import("./store.js").Device) => string} statusOf
 * @property {(device: string) => import("../charts/marks.js").Finding[]} found what was noticed of a device in this field
 */

/** One device's chart: newest value, status and age in words, and the line. It draws only when told to. */
export class LiveChart extends HTMLElement {
  /** @type {import("./store.js").Device} */
  device;
  #plot = null;
  #data = [[], []];
  #dots = [];
  #drawn = "";
  #stale = false;
  #view = null;
  #drawnView = null;
  #parts = {};
  #marks = null;

  /** @param {import("./store.js").Device} device */
  show(device) {
    this.device = device;
    if (this.firstChild) return;
    this.append(TEMPLATE.content.cloneNode(true));
    for (const name of ["name", "number", "unit", "age", "cursor", "plot", "overlay"]) {
      this.#parts[name] = this.querySelector(`.chart-${name}`);
    }
    this.#parts.status = this.querySelector(".status");
    this.#parts.link = this.#parts.name.firstChild;
    this.#parts.link.textContent = device.id;
    this.#parts.link.title = `Explore ${device.id}`;
    this.dataset.device = device.id;
  }

  /**
   * Draw the line up to `view.now`, and the words beside it.
   * @param {View} view
   */
  draw(view) {
    // While paused the view stays the same: drawing it again could only show what came since.
    if (view === this.#drawnView) return;
    this.#drawnView = view;
    this.#stale = view.statusOf(this.device) !== "online";
    this.#drawLine(view);
    this.drawWords(view);
  }

  /** Draw what is shown again, in other colours or another size; nothing newer appears. */
  redraw() {
    if (!this.#plot || !this.#view) return;
    this.#resize();
    drawPlot(this.#plot, this.#data, ...this.#scales(this.#view));
  }

  disconnectedCallback() {
    this.#plot?.destroy();
    this.#plot = null;
    this.#drawnView = null;
    this.#drawn = "";
  }

  #drawLine(view) {
    if (!this.#plot) this.#createPlot();
    const { series, interval, resolution } = this.device;
    const from = view.now - view.windowS;
    const to = view.isFrozen ? view.now : Infinity;
    const state = [series.version, resolution, interval, view.windowS, view.field, this.#stale, to].join();
    const changed = state !== this.#drawn;
    if (changed) {
      this.#data = plotData(series, from, to, gapAfter(interval, resolution));
      this.#dots = dotIndices(this.#data[1]);
      this.#drawn = state;
    }
    drawPlot(this.#plot, changed ? this.#data : null, ...this.#scales(view));
    this.#marks.show(view.found(this.device.id));
  }

  #scales(view) {
    const from = view.now - view.windowS;
    return [[from, view.now], roundRange(view.range ?? extent(this.device.series, from, view.now))];
  }

  #createPlot() {
    this.#plot = createPlot(this.#parts.plot, this.#size(), {
      isStale: () => this.#stale,
      dots: () => this.#dots,
      onCursor: (index) => this.#drawCursor(index),
    });
    this.#plot.ctx.canvas.setAttribute("role", "img");
    this.#marks = new Marks(this.#plot);
  }

  #size() {
    return { width: Math.max(80, this.#parts.plot.clientWidth), height: Math.max(60, this.#parts.plot.clientHeight) };
  }

  #resize() {
    const { width, height } = this.#size();
    if (width !== this.#plot.width || height !== this.#plot.height) this.#plot.setSize({ width, height });
  }

  /**
   * Write the newest value, status and age.
   * @param {View} view
   */
  drawWords(view) {
    this.#view = view;
    const { device } = this;
    const status = view.statusOf(device);
    const silence = view.now - (device.receivedAt ?? view.now);
    const number = this.#text(device.values[view.field]);
    this.dataset.status = status;
    setText(this.#parts.number, number);
    setText(this.#parts.unit, view.unit);
    this.#lead(view);
    setText(this.#parts.status, status);
    this.#parts.status.dataset.status = status;
    this.#parts.status.title = statusReason(status, silence, device.interval);
    if (device.ts !== null) showTime(this.#parts.age, device.ts, view.now);
    this.#drawOverlay(view, status, silence);
    this.#describe(view, status, number);
  }

  /** Lead to the same field and window in the explorer, where one can look further back. */
  #lead(view) {
    const query = new URLSearchParams({ field: `${view.model}.${view.field}`, device: this.device.id, duration: view.window });
    const address = `/explore?${query}`;
    if (this.#parts.link.getAttribute("href") !== address) this.#parts.link.setAttribute("href", address);
  }

  #drawOverlay(view, status, silence) {
    const text = this.#overlayText(view, status, silence);
    setText(this.#parts.overlay, text);
    this.#parts.overlay.hidden = text === "";
  }

  #overlayText(view, status, silence) {
    const { device } = this;
    if (device.receivedAt === null) return "no reading yet";
    if (status === "unknown") return `as of ${span(silence)} ago`;
    if (status !== "online") return `no reading for ${span(silence)}`;
    if (device.values[view.field] === undefined) return `${view.label} is not in its newest reading`;
    if (device.ts !== null && device.ts < view.now - view.windowS) return "its readings are older than this window";
    return "";
  }

  #describe(view, status, number) {
    if (!this.#plot) return;
    const range = extent(this.device.series, view.now - view.windowS, view.now);
    const between = range ? `, between ${this.#text(range[0])} and ${this.#text(range[1])} in the last ${view.windowName}` : "";
    const label = `${this.device.id}, ${view.label}: newest ${number} ${view.unit}, ${status}${between}`;
    const { canvas } = this.#plot.ctx;
    if (canvas.getAttribute("aria-label") !== label) canvas.setAttribute("aria-label", label);
  }

  #text(value) {
    const { decimals, whole } = this.#view.precision(this.#view.field);
    return valueText(value, decimals, whole);
  }

  #drawCursor(index) {
    const [ts, value] = index === null ? [null, null] : [this.#data[0][index], this.#data[1][index]];
    const known = typeof value === "number" && this.#view;
    const text = known ? `${clockTime(ts, true)}  ${this.#text(value)} ${this.#view.unit}` : "";
    setText(this.#parts.cursor, text);
  }
}

function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/** Points that are drawn as dots: those with a gap on both sides, and the newest. */
function dotIndices(ys) {
  const last = ys.length - 1;
  return ys.flatMap((y, i) => {
    const alone = (ys[i - 1] ?? null) === null && (ys[i + 1] ?? null) === null;
    return y !== null && (i === last || alone) ? [i] : [];
  });
}

customElements.define("live-chart", LiveChart);
