/**
 * @param {string} model
 * @param {string} id
 * @param {string} field
 * @param {string} duration as in "5m"
 * @param {number} points at most so many are wanted
 * @returns {string} the address of a device's history
 */
export function historyPath(model, id, field, duration, points) {
  const query = new URLSearchParams({ model, duration, field, points: String(points) });
  return `/api/devices/${encodeURIComponent(id)}/history?${query}`;
}

/**
 * Say how far apart the points of a history answer are, where the server thinned them.
 * @param {{resolution: unknown, source: string, points: number[][]}} history `resolution` is "raw", "1 of 12" points, or a span
 * @param {number} windowS seconds asked for
 * @param {number} asked points asked for
 * @returns {number} seconds, 0 for raw points
 */
export function historyResolution(history, windowS, asked) {
  const { resolution, source, points } = history;
  const stated = typeof resolution === "number" ? resolution : duration(String(resolution ?? ""));
  const isThinned = /^1 of /.test(String(resolution)) || points.length > 0.9 * asked;
  return Math.max(stated, duration(source ?? ""), isThinned ? windowS / points.length : 0);
}

const SECONDS = { s: 1, m: 60, h: 3600, d: 86400 };

/**
 * @param {string} text as in "90s", "5m", "1h"
 * @returns {number} seconds, 0 for anything else
 */
export function duration(text) {
  const match = /^(\d+(?:\.\d+)?)([smhd])$/.exec(text);
  return match ? Number(match[1]) * SECONDS[match[2]] : 0;
}
