import { keyOf } from "./answer.js";
import { isRelative, secondsOf } from "./range.js";

/** What comes is drawn for this part of the range that is shown, which the chart is wider by. */
const SHARE = 1 / 3;
const [SHORTEST_S, LONGEST_S] = [60, 60 * 86400];
const NUMBERS = ["number", "integer"];

/**
 * @param {import("./state.js").State} state
 * @returns {boolean} whether one number of one device is shown up to now, of which it can be said what comes
 */
export function canForecast(state) {
  const isOne = state.fields.length === 1 && state.devices.length === 1 && state.devices[0] !== "*" && state.tags.length === 0;
  return isOne && isRelative(state.range) && state.by === "device" && state.compare === "" && ["avg", "first", "last"].includes(state.function);
}

/**
 * @param {import("./state.js").State} state
 * @returns {number} for how many seconds to forecast
 */
export function horizonOf(state) {
  return Math.round(Math.min(LONGEST_S, Math.max(SHORTEST_S, secondsOf(state.range.duration) * SHARE)));
}

/**
 * @param {import("./state.js").State} state one that can be forecast
 * @returns {string} the address at which the API says what comes
 */
export function forecastPath(state) {
  const query = new URLSearchParams({ field: state.fields[0], device: state.devices[0], horizon: `${horizonOf(state)}s` });
  return `/api/v1/forecast?${query}`;
}

/**
 * Put what comes beside what was: a line of its own in the same colour, with its interval as the band.
 * @param {import("./answer.js").Answer} answer
 * @param {{start: string, step_s: number, points: number[][], back_test: Object}} forecast
 * @returns {import("./answer.js").Answer}
 */
export function withForecast(answer, forecast) {
  const of = answer.series.find(({ kind, device }) => NUMBERS.includes(kind) && device !== null);
  if (!of) return answer;
  // What is expected is the mean of a step, so it stands in the middle of it.
  const points = forecast.points.map(([ts, ...values]) => [ts + forecast.step_s / 2, ...values, 0]);
  return { ...answer, series: [...answer.series, { ...of, function: "forecast", base: keyOf(of), isForecast: true, points }] };
}

/**
 * @param {{back_test: {nominal: number, coverage: number | null}}} forecast
 * @returns {string} what the dashed line is, and how far to trust it
 */
export function forecastWords({ back_test: { nominal, coverage } }) {
  const percent = (share) => `${Math.round(share * 100)} %`;
  const held = coverage === null ? "there is too little history to test that" : `in the past such bands held ${percent(coverage)}`;
  return `Dashed: forecast; its band is to hold ${percent(nominal)} of what comes, and ${held}.`;
}
