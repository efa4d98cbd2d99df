import { keyOf } from "./answer.js";
import { secondsOf } from "./range.js";

/** So much of the newest readings is read again each time: what comes later than this appears when the whole is read again. */
export const TAIL_S = 60;

/** The whole is read again after so long: it is thinned anew, and what came late is in it. */
export const WHOLE_EVERY_S = 60;

/** Above this length of time nobody sees a chart move each second. */
const QUICK_S = 3600;

/**
 * @param {string} duration of the range that is shown
 * @param {number | null} bucketS seconds that a point stands for
 * @returns {number} seconds between two looks
 */
export function lookEvery(duration, bucketS) {
  return secondsOf(duration) <= QUICK_S && (bucketS ?? 0) <= TAIL_S ? 1 : 5;
}

/**
 * Say what to ask for, to bring an answer up to date.
 * @param {import("./answer.js").Answer} answer
 * @param {number} now epoch seconds
 * @returns {{range: import("./range.js").Range, bucket: string}}
 */
export function tailQuery(answer, now) {
  const step = answer.bucket_s;
  // The bucket that is running, and the one before, into which readings still come.
  const start = step ? Math.floor(now / step) * step - step : now - TAIL_S;
  return { range: { start, end: now }, bucket: step ? `${step}s` : "raw" };
}

/**
 * Put the newest points in the place of those of an answer.
 * @param {import("./answer.js").Answer} whole
 * @param {import("./answer.js").Answer} tail
 * @param {number} start epoch seconds; what lies before has left the range
 * @returns {import("./answer.js").Answer | null} null when the two do not fit together and the whole has to be read again
 */
export function withTail(whole, tail, start) {
  if (whole.bucket_s !== tail.bucket_s) return null;
  const newest = new Map(tail.series.map((series) => [keyOf(series), series.points]));
  const known = new Set(whole.series.map(keyOf));
  if (tail.series.some((series) => series.points.some(isReading) && !known.has(keyOf(series)))) return null;
  const from = Date.parse(tail.start) / 1000;
  const series = [];
  for (const one of whole.series) {
    const points = joined(one.points, newest.get(keyOf(one)) ?? [], from);
    if (!points) return null;
    series.push({ ...one, points: trimmed(points, start) });
  }
  const rows = series.reduce((sum, one) => sum + one.points.filter(isReading).length, 0);
  return { ...whole, start: new Date(start * 1000).toISOString(), end: tail.end, rows, series };
}

/** Null where a silence lies between the two of which only the server can say whether it is a gap. */
function joined(points, tail, from) {
  const first = tail.find(isReading)?.[0];
  if (first === undefined) return points;
  const kept = points.filter((point) => point[0] < first);
  const last = kept.findLast(isReading)?.[0];
  const isKnown = points.some((point) => point[0] === first);
  if (last !== undefined && !isKnown && last < from) return null;
  return [...kept, ...tail.filter((point) => point[0] >= first)];
}

/** One point before the range stays, so that a line enters from the left. */
function trimmed(points, start) {
  const first = points.findIndex((point) => point[0] >= start);
  return first > 1 ? points.slice(first - 1) : points;
}

function isReading(point) {
  return point[1] !== null;
}
