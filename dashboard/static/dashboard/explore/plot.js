import uPlot from "../../vendor/uplot/uPlot.esm.js";
import { COLOURS } from "./answer.js";
import { timeLabels } from "./words.js";

const AXIS_FONT = "11px system-ui, sans-serif";
const DASHES = [[], [7, 3], [2, 3], [9, 3, 2, 3]];
const EARLIER_DASH = [3, 4];
const FORECAST_DASH = [6, 4];

/** Room for the numbers of a value axis, and for words, which are wider; the same for all panels, so that their times stand in line. */
const AXIS_WIDTH = 52;
const WORD_AXIS_WIDTH = 84;
const RIGHT_PADDING = 12;

/** A selection narrower than this many pixels is a click. */
const SMALLEST_DRAG = 5;

/** Colours of the current theme, read from the style sheet once and again when the theme changes. */
const colours = { lines: [], bands: [], grid: "", text: "" };

/** Read the colours of the theme that the page has now. */
export function readColours() {
  const style = getComputedStyle(document.documentElement);
  const read = (name) => style.getPropertyValue(name).trim();
  colours.lines = Array.from({ length: COLOURS }, (_, index) => read(`--series-${index}`));
  colours.bands = colours.lines.map((colour) => `${colour}2e`);
  [colours.grid, colours.text] = [read("--chart-grid"), read("--chart-text")];
}

/**
 * What a plot needs to know of its panel.
 * @typedef {Object} Plotted
 * @property {import("./answer.js").Line[]} lines
 * @property {string[] | null} words what the values stand for, where they are words
 * @property {boolean} isBesideWords whether a panel of the page has words at its axis
 * @property {boolean} hasBands whether minimum and maximum follow each line's column, in pairs after all lines
 * @property {(index: number) => number[]} dots indices of the points of a line that have no neighbour to draw a line to
 * @property {(index: number | null) => void} onCursor
 * @property {(from: number, to: number) => void} onZoom epoch seconds
 * @property {() => void} onUndo
 */

/**
 * Make a plot of several lines over time. Its crosshair moves together with that of every other one on the page.
 * @param {HTMLElement} parent
 * @param {{width: number, height: number}} size
 * @param {Plotted} of
 * @returns {uPlot}
 */
export function createPlot(parent, size, of) {
  const edges = of.hasBands ? of.lines.flatMap((line) => [edgeSeries(line), edgeSeries(line)]) : [];
  return new uPlot({
    ...size,
    padding: [8, RIGHT_PADDING, 0, 0],
    legend: { show: false },
    scales: { x: { time: true, auto: false }, y: { auto: false } },
    axes: [timeAxis(), valueAxis(of)],
    series: [{}, ...of.lines.map((line, index) => lineSeries(line, of, index)), ...edges],
    bands: of.hasBands ? of.lines.map((line, index) => band(line, index, of.lines.length)) : [],
    cursor: {
      y: false, drag: { x: true, y: false, setScale: false, dist: SMALLEST_DRAG }, points: { show: false },
      sync: { key: "explore", setSeries: false },
      // The library's own double click would show all of the data; here it takes back the zoom.
      bind: { dblclick: () => () => { of.onUndo(); return null; } },
    },
    hooks: {
      setCursor: [(plot) => of.onCursor(plot.cursor.idx ?? null)],
      setSelect: [(plot) => selected(plot, of.onZoom)],
    },
  }, [[], ...of.lines.map(() => []), ...edges.map(() => [])], parent);
}

/**
 * Draw data and both scales in a single pass.
 * @param {uPlot} plot
 * @param {unknown[][] | null} data null when only the range has moved
 * @param {[number, number]} x
 * @param {[number, number]} y
 */
export function drawPlot(plot, data, x, y) {
  plot.batch(() => {
    if (data) plot.setData(data, false);
    plot.setScale("x", { min: x[0], max: x[1] });
    plot.setScale("y", { min: y[0], max: y[1] });
  });
}

function selected(plot, onZoom) {
  const { left, width } = plot.select;
  if (width < SMALLEST_DRAG) return;
  const [from, to] = [plot.posToVal(left, "x"), plot.posToVal(left + width, "x")];
  plot.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
  onZoom(from, to);
}

function lineSeries(line, of, index) {
  const stroke = () => colours.lines[line.colour];
  return {
    stroke,
    width: line.isEarlier || line.series?.isForecast ? 1.25 : 1.6,
    alpha: line.isEarlier ? 0.75 : 1,
    dash: line.isEarlier ? EARLIER_DASH : line.series?.isForecast ? FORECAST_DASH : DASHES[line.pattern % DASHES.length],
    paths: of.words ? uPlot.paths.stepped({ align: 1 }) : undefined,
    points: { show: false, size: 5, width: 0, fill: stroke, filter: () => of.dots(index) },
  };
}

/** The upper or lower edge of a band is not drawn itself. */
function edgeSeries() {
  return { stroke: "transparent", width: 0, points: { show: false } };
}

function band(line, index, count) {
  const minimum = 1 + count + 2 * index;
  return { series: [minimum + 1, minimum], fill: () => (line.isEarlier ? "transparent" : colours.bands[line.colour]) };
}

function timeAxis() {
  return {
    size: 22, gap: 4, space: 64, font: AXIS_FONT, stroke: () => colours.text,
    grid: { stroke: () => colours.grid, width: 1 }, ticks: { show: false },
    values: (plot, marks, _axis, _space, step) => timeLabels(marks, step).map((label, index) => (fits(plot, marks[index], label) ? label : "")),
  };
}

/** Too near to the right edge, a label would be cut off. A digit of the font is about six pixels wide. */
function fits(plot, ts, label) {
  const right = plot.bbox.width / uPlot.pxRatio - plot.valToPos(ts, "x") + RIGHT_PADDING;
  return right >= label.length * 3.2;
}

function valueAxis({ words, isBesideWords }) {
  const axis = {
    size: isBesideWords ? WORD_AXIS_WIDTH : AXIS_WIDTH, gap: 4, space: 30, font: AXIS_FONT, stroke: () => colours.text,
    grid: { stroke: () => colours.grid, width: 1 }, ticks: { show: false },
  };
  if (!words) return axis;
  const values = (_plot, marks) => marks.map((mark) => shortened(String(words[mark] ?? "")));
  return { ...axis, splits: () => words.map((_, index) => index), values };
}

function shortened(text) {
  return text.length > 12 ? `${text.slice(0, 11)}…` : text;
}
