import { span } from "../charts/format.js";

/** Without a setting and before two readings came, a device is expected to report this often, in seconds. */
export const DEFAULT_INTERVAL_S = 10;

/** The words of the rule, in the order in which they are counted on the page. */
export const STATUSES = ["online", "late", "offline", "unknown"];

/**
 * Apply the rule for online, late and offline.
 * @param {number} silence seconds since the newest arrival
 * @param {number} interval expected seconds between readings
 * @returns {"online" | "late" | "offline"}
 */
export function statusAfter(silence, interval) {
  if (silence <= Math.max(3 * interval, 5)) return "online";
  return silence <= Math.max(10 * interval, 30) ? "late" : "offline";
}

/**
 * Spell out why a device has its status.
 * @param {string} status
 * @param {number} silence seconds since the newest arrival
 * @param {number} interval expected seconds between readings
 * @returns {string}
 */
export function statusReason(status, silence, interval) {
  const every = interval < 1 ? `${interval.toFixed(2)} s` : span(interval);
  if (status === "unknown") return "unknown: this page has no connection to the server";
  return `${status}: last heard ${span(silence)} ago, expected every ${every}`;
}

/**
 * How long nothing may come before the line of a chart is broken.
 * @param {number} interval expected seconds between readings
 * @param {number} resolution seconds between points where history was thinned, 0 when it was not
 * @returns {number} seconds
 */
export function gapAfter(interval, resolution) {
  return Math.max(3 * interval, 5, 2.5 * resolution);
}
