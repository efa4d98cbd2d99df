import { roundRange } from "../charts/scale.js";
import { join } from "../explore/join.js";
import { createPlot, drawPlot, readColours } from "../explore/plot.js";

const HEIGHT = 260;
const COLOURS = 8;

/**
 * @typedef {Object} Chart what the API says of a chart
 * @property {number} start epoch seconds
 * @property {number} end
 * @property {string} unit
 * @property {number | null} limit
 * @property {{name: string, unit: string, points: [number, number | null][]}[]} series
 */

/** The chart of an answer: its lines over its time, and what they were compared with as a line of its own. */
export class AnswerChart {
  #figure;
  #place;
  #legend;
  #plot = null;
  #chart = null;

  /**
   * @param {HTMLElement} figure
   * @param {HTMLElement} place where it is drawn
   * @param {HTMLElement} legend a list
   */
  constructor(figure, place, legend) {
    [this.#figure, this.#place, this.#legend] = [figure, place, legend];
    new ResizeObserver(() => this.#fit()).observe(figure);
    new MutationObserver(() => this.#draw()).observe(document.documentElement, { attributeFilter: ["data-bs-theme"] });
  }

  /**
   * @param {Chart | null} chart null shows none
   * @param {string} words what it shows, for whoever does not see it
   */
  show(chart, words) {
    this.#chart = chart?.series.some(({ points }) => points.length) ? chart : null;
    this.#figure.hidden = this.#chart === null;
    this.#place.setAttribute("aria-label", `Chart. ${words}`);
    this.#draw();
  }

  #lines() {
    const { series, limit, start, end, unit } = this.#chart;
    const lines = series.map(({ name, unit: own, points }) => ({ name: own ? `${name}, ${own}` : name, points }));
    if (limit !== null) lines.push({ name: `limit ${limit} ${unit}`, points: [[start, limit], [end, limit]] });
    return lines;
  }

  #draw() {
    this.#plot?.destroy();
    this.#plot = null;
    this.#legend.replaceChildren();
    if (!this.#chart) return;
    readColours();
    const lines = this.#lines();
    const { xs, columns } = join(lines.map(({ points }) => points), lines.map((_, index) => [index, 1]));
    const looks = lines.map((_, index) => ({ colour: index % COLOURS, pattern: index, isEarlier: false }));
    const nothing = () => {};
    this.#plot = createPlot(this.#place, { width: this.#width(), height: HEIGHT }, {
      lines: looks, words: null, isBesideWords: false, hasBands: false, dots: () => [], onCursor: nothing, onZoom: nothing, onUndo: nothing,
    });
    drawPlot(this.#plot, [xs, ...columns], [this.#chart.start, this.#chart.end], roundRange(extent(lines)));
    this.#legend.append(...lines.map(({ name }) => {
      const item = document.createElement("li");
      item.textContent = name;
      return item;
    }));
  }

  #width() {
    return Math.max(200, this.#place.clientWidth);
  }

  #fit() {
    if (this.#plot && this.#plot.width !== this.#width()) this.#plot.setSize({ width: this.#width(), height: HEIGHT });
  }
}

function extent(lines) {
  const values = lines.flatMap(({ points }) => points.map((point) => point[1])).filter((value) => value !== null);
  return values.length ? [Math.min(...values), Math.max(...values)] : null;
}
