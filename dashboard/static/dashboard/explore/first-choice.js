import { DEFAULTS } from "./state.js";

/** More devices than this would be a tangle of lines: of a large fleet, the first few are shown. */
const TOGETHER = 20;
const FEW = 5;

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
