import { isRelative, secondsOf } from "./range.js";

/**
 * What somebody asked to see. It lives in the address of the page under the names that the API has for it, so that a link shows the
 * same, and so that what stands in the address can be asked of the API.
 * @typedef {Object} State
 * @property {string[]} fields as in "vehicle.speed"
 * @property {string[]} devices "*" alone stands for all that sent
 * @property {string[]} tags
 * @property {import("./range.js").Range} range
 * @property {string} bucket "auto", "raw" or a length of time
 * @property {string} function
 * @property {string} by
 * @property {string} compare a length of time, or "" for nothing
 * @property {"chart" | "table"} view
 * @property {boolean} live whether the newest readings are read again and again
 * @property {boolean} forecast whether what comes is shown where that can be said
 */

export const MOST_FIELDS = 10;
const MOST_DEVICES = 100;
const MOST_TAGS = 20;

export const FUNCTIONS = {
  avg: "Average", min: "Minimum", max: "Maximum", sum: "Sum", count: "Count", first: "First", last: "Last",
};
export const GROUPS = { device: "Each device", tag: "Each tag", all: "All together" };
export const BUCKETS = {
  auto: "Automatic", raw: "Every reading", "10s": "10 s", "1m": "1 min", "5m": "5 min", "15m": "15 min", "1h": "1 h", "6h": "6 h",
  "1d": "1 day", "7d": "7 days",
};
export const COMPARISONS = {
  "": "Nothing", "1h": "An hour before", "1d": "The day before", "7d": "The week before", "28d": "Four weeks before",
  "365d": "The year before",
};

/** @type {State} */
export const DEFAULTS = {
  fields: [], devices: [], tags: [], range: { duration: "1h" }, bucket: "auto", function: "avg", by: "device", compare: "",
  view: "chart", live: false, forecast: false,
};

/**
 * Read what an address asks for. What makes no sense is left out, and the default takes its place.
 * @param {string} search the query of the address
 * @returns {State}
 */
export function readState(search) {
  const query = new URLSearchParams(search);
  const one = (name, isFine) => {
    const value = query.get(name) ?? "";
    return isFine(value) ? value : DEFAULTS[name];
  };
  const isLength = (text) => secondsOf(text) > 0;
  return {
    fields: several(query, "field", MOST_FIELDS).filter((field) => /^[^.]+\.[^.]+/.test(field)),
    devices: several(query, "device", MOST_DEVICES),
    tags: several(query, "tag", MOST_TAGS),
    range: readRange(query),
    bucket: one("bucket", (text) => text === "raw" || isLength(text)),
    function: one("function", (text) => Object.hasOwn(FUNCTIONS, text)),
    by: one("by", (text) => Object.hasOwn(GROUPS, text)),
    compare: one("compare", isLength),
    view: query.get("view") === "table" ? "table" : "chart",
    live: query.get("live") === "1",
    forecast: query.get("forecast") === "1",
  };
}

/**
 * @param {State} state
 * @returns {string} the query of an address that asks for it, without what is the default anyhow
 */
export function addressOf(state) {
  const query = chosen(state);
  addRange(query, state.range);
  if (state.view !== DEFAULTS.view) query.set("view", state.view);
  if (state.live) query.set("live", "1");
  if (state.forecast) query.set("forecast", "1");
  return `?${query}`;
}

/**
 * @param {State} state
 * @param {{points: number, zone: string}} how many points a series may have at most, and the browser's time zone
 * @returns {string} the address at which the API gives the series
 */
export function seriesPath(state, { points, zone }) {
  const query = chosen(state);
  addRange(query, state.range);
  query.set("points", String(points));
  query.set("zone", zone);
  return `/api/v1/series?${query}`;
}

/**
 * @param {State} state
 * @returns {boolean} whether it names anything that could be shown
 */
export function isComplete(state) {
  return state.fields.length > 0 && (state.devices.length > 0 || state.tags.length > 0);
}

/**
 * @param {State} state
 * @returns {Map<string, string[]>} the chosen fields' names by their model
 */
export function fieldsByModel(state) {
  const found = new Map();
  for (const field of state.fields) {
    const [model, name] = splitField(field);
    found.set(model, [...(found.get(model) ?? []), name]);
  }
  return found;
}

/**
 * @param {string} field as in "vehicle.speed"
 * @returns {[string, string]} model and name
 */
export function splitField(field) {
  const dot = field.indexOf(".");
  return [field.slice(0, dot), field.slice(dot + 1)];
}

function chosen(state) {
  const query = new URLSearchParams();
  for (const field of state.fields) query.append("field", field);
  for (const device of state.devices) query.append("device", device);
  for (const tag of state.tags) query.append("tag", tag);
  for (const name of ["bucket", "function", "by", "compare"]) if (state[name] !== DEFAULTS[name]) query.set(name, state[name]);
  return query;
}

function addRange(query, range) {
  if (isRelative(range)) query.set("duration", range.duration);
  else for (const name of ["start", "end"]) query.set(name, new Date(range[name] * 1000).toISOString());
}

function readRange(query) {
  const [start, end] = ["start", "end"].map((name) => Date.parse(query.get(name) ?? "") / 1000);
  if (start < end) return { start, end };
  const duration = query.get("duration") ?? "";
  return secondsOf(duration) ? { duration } : DEFAULTS.range;
}

function several(query, name, most) {
  const values = [...new Set(query.getAll(name).filter(Boolean))];
  return name === "device" && values.includes("*") ? ["*"] : values.slice(0, most);
}
