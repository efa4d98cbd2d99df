import { unitSymbol } from "../charts/format.js";

/**
 * What the API gives for a query.
 * @typedef {Object} Answer
 * @property {string} start ISO 8601
 * @property {string} end ISO 8601
 * @property {"raw" | "1m" | "1h" | "1d"} source what the points were read from
 * @property {string} resolution "raw", "1 of 3.9" readings, "1m" for buckets of that length, or "1m, 1 of 3" of those
 * @property {number | null} bucket_s seconds that a point stands for; null where a point is a reading
 * @property {number} recomputing minutes of the range that are about to be computed anew
 * @property {number} rows points in all, before they were thinned
 * @property {AnswerSeries[]} series
 * @property {{api: string, sql: string}} query
 *
 * @typedef {Object} AnswerSeries
 * @property {string} model
 * @property {string} field
 * @property {string} label
 * @property {string} unit
 * @property {string} kind
 * @property {string | null} device
 * @property {string | null} tag
 * @property {string | null} function what a bucket shows; null for readings
 * @property {boolean} [isForecast] whether it is what comes and not what was; `base` is then the key of what was
 * @property {string} [base]
 * @property {number} shift_s seconds by which an earlier period was moved to lie over this one; 0 for what is of this period
 * @property {Point[]} points in order of time
 *
 * A reading is `[ts, value]`, a bucket `[ts, value, min, max, count]` with the ts of its start; a value of null is a gap.
 * @typedef {[number, unknown] | [number, unknown, number | null, number | null, number]} Point
 */

/** With more different words than this nobody can tell the steps of a line apart: they are shown as a table. */
const MOST_WORDS = 12;
const CHARTED_WORDS = ["boolean", "choice", "text"];

/** More lines than this with bands around them would hide each other. */
const MOST_BANDS = 6;

/** A sum or a number of readings does not lie between the minimum and the maximum of its bucket. */
const WITHOUT_BAND = ["sum", "count"];

/** Colours of lines that can be told apart; after these they come again with dashes. */
export const COLOURS = 8;

/**
 * A part of the page with one value scale.
 * @typedef {Object} Panel
 * @property {string} key
 * @property {string} title
 * @property {string} unit
 * @property {string[] | null} words what the values 0, 1, 2 … stand for, where they are words
 * @property {Line[]} lines
 *
 * @typedef {Object} Line
 * @property {string} key
 * @property {string} name
 * @property {number} colour 0 to COLOURS - 1
 * @property {number} pattern 0 for a full line; lines of one colour have different ones
 * @property {boolean} isEarlier whether it shows an earlier period for comparison
 * @property {AnswerSeries} series
 */

/**
 * @param {AnswerSeries} series
 * @returns {string} what tells it from every other series of an answer
 */
export function keyOf({ model, field, device, tag, function: name, shift_s: shift }) {
  return JSON.stringify([model, field, device, tag, name, shift]);
}

/**
 * @param {Answer} answer
 * @returns {boolean} whether it holds no reading
 */
export function isEmpty(answer) {
  return !answer.series.some((series) => series.points.some((point) => point[1] !== null));
}

/**
 * Leave out the series of devices that nobody named and that sent nothing in the range: of a large fleet they would fill the legend.
 * @param {Answer} answer
 * @returns {Answer}
 */
export function withoutSilent(answer) {
  const key = ({ model, field, device, tag }) => JSON.stringify([model, field, device, tag]);
  const heard = new Set(answer.series.filter(({ points }) => points.some((point) => point[1] !== null)).map(key));
  return { ...answer, series: answer.series.filter((series) => heard.has(key(series))) };
}

/**
 * Lay the series of an answer out in panels: one for each unit, and one for each field of words.
 * @param {Answer} answer
 * @returns {{panels: Panel[], tableOnly: AnswerSeries[]}} `tableOnly` cannot be drawn as lines
 */
export function layOut(answer) {
  const panels = new Map();
  const tableOnly = [];
  for (const series of answer.series) {
    const place = placeOf(series);
    if (!place) tableOnly.push(series);
    else addLine(panels, place, series);
  }
  for (const panel of panels.values()) finish(panel);
  const isChartable = (panel) => !panel.words || panel.words.length <= MOST_WORDS;
  for (const panel of panels.values()) if (!isChartable(panel)) tableOnly.push(...panel.lines.map((line) => line.series));
  return { panels: [...panels.values()].filter(isChartable), tableOnly };
}

/**
 * @param {Panel} panel
 * @returns {boolean} whether minimum and maximum are drawn around each line
 */
export function hasBands({ lines, words }) {
  const areBuckets = lines.some(({ series }) => series.points.some((point) => point.length > 2));
  return areBuckets && !words && lines.length <= MOST_BANDS && lines.every(({ series }) => !WITHOUT_BAND.includes(series.function));
}

/**
 * Name series so that no two of an answer are called the same, and no name says more than is needed for that.
 * @param {AnswerSeries[]} all
 * @returns {(series: AnswerSeries) => string}
 */
export function namer(all) {
  const fields = new Map(all.map((series) => [`${series.model}.${series.field}`, labelOf(series)]));
  const models = new Set(all.map((series) => series.model));
  const isTwice = (label) => [...fields.values()].filter((other) => other === label).length > 1;
  return (series) => {
    const label = isTwice(labelOf(series)) ? `${series.model} ${labelOf(series)}` : labelOf(series);
    const whose = series.device ?? series.tag ?? (models.size > 1 ? `all of ${series.model}` : "all together");
    const parts = fields.size > 1 ? [whose, label] : [whose];
    if (series.isForecast) parts.push("forecast");
    if (series.shift_s) parts.push(`${lengthWords(series.shift_s)} before`);
    return parts.join(", ");
  };
}

/** @param {number} seconds whole days or hours, as comparisons are */
function lengthWords(seconds) {
  const [size, unit] = seconds % 86400 === 0 ? [86400, "day"] : seconds % 3600 === 0 ? [3600, "hour"] : [1, "second"];
  const count = seconds / size;
  return `${count} ${unit}${count === 1 ? "" : "s"}`;
}

function labelOf({ label, field }) {
  return label || field;
}

/** Where a series is drawn; null for one that cannot be. */
function placeOf(series) {
  const unit = series.function === "count" ? "readings" : unitSymbol(series.unit ?? "");
  const sample = series.points.find((point) => point[1] !== null)?.[1];
  if (typeof sample === "number" || (sample === undefined && !CHARTED_WORDS.includes(series.kind))) {
    return { key: `unit ${unit}`, unit, areWords: false };
  }
  if (sample !== undefined && !["boolean", "string"].includes(typeof sample)) return null;
  return CHARTED_WORDS.includes(series.kind) ? { key: `field ${series.model}.${series.field}`, unit: "", areWords: true } : null;
}

function addLine(panels, { key, unit, areWords }, series) {
  if (!panels.has(key)) panels.set(key, { key, title: "", unit, words: areWords ? [] : null, lines: [] });
  const isEarlier = series.shift_s !== 0;
  panels.get(key).lines.push({ key: keyOf(series), name: "", colour: 0, pattern: 0, isEarlier, series });
}

function finish(panel) {
  const labels = new Set(panel.lines.map((line) => labelOf(line.series)));
  panel.title = [...labels].join(", ");
  const name = namer(panel.lines.map((line) => line.series));
  // A line, what it is compared with and what comes have the same colour: they are the same thing at different times.
  const places = new Map();
  for (const line of panel.lines) {
    line.name = name(line.series);
    const base = line.series.base ?? keyOf({ ...line.series, shift_s: 0 });
    if (!places.has(base)) places.set(base, places.size);
    line.colour = places.get(base) % COLOURS;
    line.pattern = Math.floor(places.get(base) / COLOURS);
  }
  if (panel.words) panel.words = wordsOf(panel.lines);
}

function wordsOf(lines) {
  const found = new Set(lines.flatMap((line) => line.series.points.map((point) => point[1])));
  found.delete(null);
  return [...found].sort((a, b) => (String(a) < String(b) ? -1 : 1));
}
