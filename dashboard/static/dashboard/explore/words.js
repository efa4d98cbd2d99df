import { absolute, span } from "../charts/format.js";
import { PRESETS, isRelative, secondsOf } from "./range.js";

const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
const DAY_S = 86400;
const FUNCTION_WORDS = {
  avg: "the average", min: "the minimum", max: "the maximum", sum: "the sum", count: "the number of readings", first: "the first value",
  last: "the last value",
};
const LEVELS = { "1m": "the rollup by minute", "1h": "the rollup by hour", "1d": "the rollup by day" };
const count = new Intl.NumberFormat("en", { maximumFractionDigits: 1 });
const pad = (number, digits = 2) => String(number).padStart(digits, "0");

/**
 * Say what a point of the chart is, and where it was read.
 * @param {import("./answer.js").Answer} answer
 * @param {boolean} withBand whether minimum and maximum are drawn around each line
 * @returns {string}
 */
export function resolutionWords(answer, withBand) {
  const of = /\b1 of ([\d.]+)$/.exec(answer.resolution)?.[1];
  const thinned = of ? `1 of ${count.format(of)} ${answer.bucket_s === null ? "readings" : "of them"} is drawn, chosen so that every peak `
    + "stays. Zoom in to see more." : "";
  if (answer.bucket_s === null) return thinned || `Every reading is drawn: ${plural(answer.rows, "point")}.`;
  const name = answer.series[0]?.function ?? "avg";
  const band = withBand ? ", and the band reaches from minimum to maximum" : "";
  const source = LEVELS[answer.source] ?? "the readings themselves";
  const words = `1 point = ${span(answer.bucket_s)}: ${FUNCTION_WORDS[name] ?? name}${band}. Read from ${source}: `
    + `${plural(answer.rows, "point")}.`;
  return thinned ? `${words} ${thinned}` : words;
}

/**
 * @param {number} minutes of the range that are about to be computed anew
 * @returns {string} "" when there are none
 */
export function recomputingWords(minutes) {
  if (!minutes) return "";
  return `${plural(minutes, "minute")} of this range ${minutes === 1 ? "is" : "are"} being computed anew, because readings came late or `
    + "were corrected: the figures may still change.";
}

/**
 * @param {number} number
 * @param {string} noun
 * @returns {string} as in "1,440 points"
 */
export function plural(number, noun) {
  return `${count.format(number)} ${noun}${number === 1 ? "" : "s"}`;
}

/**
 * Say which stretch of time is shown.
 * @param {import("./range.js").Range} range
 * @returns {string}
 */
export function rangeWords(range) {
  if (isRelative(range)) return PRESETS[range.duration] ?? `Last ${span(secondsOf(range.duration))}`;
  const [start, end] = [range.start, range.end].map((ts) => absolute(ts).slice(0, 19));
  const sameDay = start.slice(0, 10) === end.slice(0, 10);
  return `${start} – ${sameDay ? end.slice(11) : end}`;
}

/**
 * @param {number} bytes
 * @returns {string} as in "1.2 MB"
 */
export function sizeWords(bytes) {
  const units = ["B", "kB", "MB", "GB", "TB"];
  const place = Math.min(units.length - 1, bytes > 0 ? Math.floor(Math.log10(bytes) / 3) : 0);
  const number = bytes / 1000 ** place;
  return `${number >= 10 || place === 0 ? Math.round(number) : number.toFixed(1)} ${units[place]}`;
}

/**
 * Label the marks of a time axis in the browser's zone, each with no more than tells it from the one before: the time of day, at
 * midnight the day, on the first of January the year.
 * @param {number[]} marks epoch seconds
 * @param {number} step seconds between them
 * @returns {string[]}
 */
export function timeLabels(marks, step) {
  return marks.map((ts, index) => {
    const date = new Date(ts * 1000);
    const day = `${date.getDate()} ${MONTHS[date.getMonth()]}`;
    if (step >= 360 * DAY_S) return String(date.getFullYear());
    if (step >= 28 * DAY_S) return date.getMonth() === 0 || index === 0 ? `${MONTHS[date.getMonth()]} ${date.getFullYear()}` : MONTHS[date.getMonth()];
    const isMidnight = date.getHours() + date.getMinutes() + date.getSeconds() + date.getMilliseconds() === 0;
    if (step >= DAY_S || isMidnight) return day;
    const minutes = `${pad(date.getHours())}:${pad(date.getMinutes())}`;
    if (step >= 60) return minutes;
    const seconds = `${minutes}:${pad(date.getSeconds())}`;
    return step >= 1 ? seconds : `${seconds}.${pad(date.getMilliseconds(), 3)}`;
  });
}
