/**
 * What stretch of time is shown: the newest so much of it, which moves with the clock, or one that stands still.
 * @typedef {{duration: string} | {start: number, end: number}} Range `duration` as in "1h"; `start` and `end` in epoch seconds
 */

const SECONDS = { s: 1, m: 60, h: 3600, d: 86400, w: 604800 };

/** The ranges on offer, by what they are in the address. */
export const PRESETS = {
  "5m": "Last 5 min", "15m": "Last 15 min", "1h": "Last 1 h", "6h": "Last 6 h", "24h": "Last 24 h",
  "2d": "Last 2 days", "7d": "Last 7 days", "30d": "Last 30 days", "90d": "Last 90 days", "365d": "Last year",
};

/** Zooming further in would show less than one reading of a fast device. */
export const SHORTEST_S = 1;

/** Zooming further out than readings can be old (15 years in the sample models) only makes the chart emptier. */
export const LONGEST_S = 20 * 366 * 86400;

/**
 * @param {string} text as in "90s", "5m", "1.5h", "7d", "2w"
 * @returns {number} seconds; 0 for anything else
 */
export function secondsOf(text) {
  const match = /^(\d{1,10}(?:\.\d{1,6})?)([smhdw])$/.exec(text);
  return match ? Number(match[1]) * SECONDS[match[2]] : 0;
}

/**
 * @param {number} seconds
 * @returns {string} the same as a length of time with the largest unit that divides it, as in "90m"
 */
export function durationOf(seconds) {
  const whole = Math.max(1, Math.round(seconds));
  const unit = ["d", "h", "m"].find((name) => whole % SECONDS[name] === 0) ?? "s";
  return `${whole / SECONDS[unit]}${unit}`;
}

/**
 * @param {Range} range
 * @param {number} now epoch seconds
 * @returns {[number, number]} both ends, in epoch seconds
 */
export function bounds(range, now) {
  return isRelative(range) ? [now - secondsOf(range.duration), now] : [range.start, range.end];
}

/**
 * @param {Range} range
 * @returns {boolean} whether it moves with the clock
 */
export function isRelative(range) {
  return "duration" in range;
}

/**
 * Go through time by a part of what is shown. What would reach beyond now becomes the newest stretch of the same length.
 * @param {Range} range
 * @param {number} now epoch seconds
 * @param {number} share of its length; negative goes back
 * @returns {Range}
 */
export function shifted(range, now, share) {
  const [start, end] = bounds(range, now);
  const step = (end - start) * share;
  return within(start + step, end + step, now);
}

/**
 * Show more or less around the middle; the newest stretch stays the newest.
 * @param {Range} range
 * @param {number} now epoch seconds
 * @param {number} factor above 1 shows more
 * @returns {Range}
 */
export function scaled(range, now, factor) {
  const [start, end] = bounds(range, now);
  const length = Math.min(LONGEST_S, Math.max(SHORTEST_S, (end - start) * factor));
  if (isRelative(range)) return { duration: durationOf(length) };
  const middle = (start + end) / 2;
  return within(middle - length / 2, middle + length / 2, now);
}

/**
 * Make a range of two ends, as they are dragged or typed: in any order, and not shorter than a second.
 * @param {number} a epoch seconds
 * @param {number} b epoch seconds
 * @returns {Range}
 */
export function between(a, b) {
  const [start, end] = a < b ? [a, b] : [b, a];
  const missing = Math.max(0, SHORTEST_S - (end - start));
  return { start: toMillis(start - missing / 2), end: toMillis(end + missing / 2) };
}

/**
 * @param {number} epoch seconds
 * @returns {string} as the value of an input of date and time, in the browser's zone
 */
export function toInput(epoch) {
  const date = new Date(epoch * 1000);
  const local = new Date(date.getTime() - date.getTimezoneOffset() * 60_000);
  return local.toISOString().slice(0, 19);
}

/**
 * @param {string} text the value of an input of date and time, in the browser's zone
 * @returns {number | null} epoch seconds
 */
export function fromInput(text) {
  const millis = Date.parse(text);
  return Number.isNaN(millis) ? null : millis / 1000;
}

function within(start, end, now) {
  return end >= now ? { duration: durationOf(end - start) } : { start: toMillis(start), end: toMillis(end) };
}

function toMillis(epoch) {
  return Math.round(epoch * 1000) / 1000;
}
