import uPlot from "../../vendor/uplot/uPlot.esm.js";
import { clockTime } from "../charts/format.js";

const AXIS_FONT = "10px system-ui, sans-serif";
const RIGHT_PADDING = 8;

/** Distances between time labels, in seconds: finer than the library's own, because the plots are small. */
const TIME_STEPS = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600];

/** Colours of the current theme, read from the style sheet once and again when the theme changes. */
export const colours = { line: "", fill: "", stale: "", staleFill: "", grid: "", text: "" };

/** Read the colours of the theme that the page has now. */
export function readColours() {
  const style = getComputedStyle(document.documentElement);
  for (const name of Object.keys(colours)) {
    const property = `--chart-${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
    colours[name] = style.getPropertyValue(property).trim();
  }
}

/**
 * Make a small plot of one series over time. Its crosshair moves together with that of every other plot on the page.
 * @param {HTMLElement} parent
 * @param {{width: number, height: number}} size
 * @param {{isStale: () => boolean, dots: () => number[], onCursor: (index: number | null) => void}} chart
 * @returns {uPlot}
 */
export function createPlot(parent, size, chart) {
  return new uPlot({
    ...size,
    padding: [6, RIGHT_PADDING, 0, 0],
    legend: { show: false },
    scales: { x: { time: true, auto: false }, y: { auto: false } },
    axes: [timeAxis(), valueAxis()],
    series: [{}, lineSeries(chart)],
    cursor: { y: false, drag: { x: false, y: false }, points: { size: 6 }, sync: { key: "live", setSeries: false } },
    hooks: { setCursor: [(plot) => chart.onCursor(plot.cursor.idx ?? null)] },
  }, [[], []], parent);
}

function lineSeries(chart) {
  return {
    width: 1.5,
    stroke: () => (chart.isStale() ? colours.stale : colours.line),
    fill: () => (chart.isStale() ? colours.staleFill : colours.fill),
    // A reading between two gaps would be invisible as a line, and the newest one is worth finding.
    points: { show: false, size: 5, width: 0, fill: () => (chart.isStale() ? colours.stale : colours.line), filter: chart.dots },
  };
}

function timeAxis() {
  return {
    size: 18, gap: 3, space: (_plot, _axis, min, max) => (max - min > 120 ? 48 : 62), font: AXIS_FONT, incrs: TIME_STEPS,
    stroke: () => colours.text,
    grid: { stroke: () => colours.grid, width: 1 },
    ticks: { show: false },
    values: (plot, splits, _axis, _space, increment) => splits.map((ts) => timeLabel(plot, ts, increment)),
  };
}

function timeLabel(plot, ts, increment) {
  const withSeconds = increment < 60;
  // Too near to an edge, a label would touch the axis on the left or be cut off on the right.
  const halfWidth = withSeconds ? 23 : 15;
  const left = plot.valToPos(ts, "x");
  const right = plot.bbox.width / uPlot.pxRatio - left + RIGHT_PADDING;
  return Math.min(left, right) < halfWidth ? "" : clockTime(ts, withSeconds);
}

function valueAxis() {
  return {
    size: 34, gap: 3, space: 26, font: AXIS_FONT,
    stroke: () => colours.text,
    grid: { stroke: () => colours.grid, width: 1 },
    ticks: { show: false },
  };
}

/**
 * Draw data and both scales in a single pass.
 * @param {uPlot} plot
 * @param {[number[], (number | null)[]] | null} data null when only the window has moved
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
