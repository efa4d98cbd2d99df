import { secondsOf } from "./range.js";
import { DEFAULTS } from "./state.js";

/** More devices than this would be a tangle of lines: of a large fleet, the first few are shown. */
const TOGETHER = 20;
const FEW = 5;

/** Ranges to begin with while there is nothing older than they are long: in the usual one it would be a dash at its end. */
const OF_THE_YOUNG = ["5m", "15m"];

/**
 * Choose something to begin with: the first measured field of the first model that has devices.
 * @param {import("./pickers.js").Options} options
 * @returns {Pick<import("./state.js").State, "fields" | "devices" | "range">}
 */
export function firstChoice({ models, devices }) {
  const measured = (model) => model.fields.find((field) => ["number", "integer"].includes(field.kind));
  const withDevices = models.filter((model) => model.devices > 0);
  const model = withDevices.find(measured) ?? models.find(measured);
  if (!model) return { fields: [], devices: [], range: DEFAULTS.range };
  const names = devices.filter((device) => device.model === model.name).map((device) => device.name);
  return {
    fields: [`${model.name}.${measured(model).name}`], devices: model.devices > TOGETHER ? names.slice(0, FEW) : ["*"], range: DEFAULTS.range,
  };
}

/**
 * Choose a range to begin with by what the usual one has shown.
 * @param {import("./answer.js").Answer} answer
 * @returns {import("./range.js").Range}
 */
export function firstRange({ end, series }) {
  const oldest = Math.min(...series.flatMap(({ points }) => points.slice(0, 1).map(([ts]) => ts)));
  const duration = OF_THE_YOUNG.find((length) => oldest >= Date.parse(end) / 1000 - secondsOf(length));
  return Number.isFinite(oldest) && duration ? { duration } : DEFAULTS.range;
}
