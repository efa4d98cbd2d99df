import assert from "node:assert/strict";
import test from "node:test";
import { DEFAULTS } from "../../dashboard/static/dashboard/explore/state.js";
import { togetherPath, togetherWords } from "../../dashboard/static/dashboard/explore/together.js";

const series = (model, field, device, kind = "number") => ({ model, field, device, kind, shift_s: 0, points: [] });
const state = { ...DEFAULTS, fields: ["weather.rain", "vehicle.speed"], devices: ["roof", "vehicle_01"], range: { duration: "24h" } };
const answer = { series: [series("weather", "rain", "roof"), series("vehicle", "speed", "vehicle_01")] };

test("two numbers of a device each can be compared, each with its own", () => {
  const query = new URL(togetherPath(state, answer, 86_400), "http://x").searchParams;
  const expected = { a: "weather.rain", device_a: "roof", b: "vehicle.speed", device_b: "vehicle_01", duration: "24h", max_lag: "21600s" };
  assert.deepEqual(Object.fromEntries(query), expected);
});

test("all devices are compared together", () => {
  const all = { series: [...answer.series, series("vehicle", "speed", "vehicle_02")] };
  assert.ok(!togetherPath({ ...state, devices: ["*"] }, all, 60).includes("device_"));
  assert.equal(togetherPath(state, all, 60), null);
});

test("words, one number or a range that stands still cannot be compared", () => {
  assert.equal(togetherPath({ ...state, fields: ["weather.rain"] }, answer, 60), null);
  assert.equal(togetherPath({ ...state, range: { start: 0, end: 60 } }, answer, 60), null);
  const words = { series: [series("weather", "rain", "roof"), series("vehicle", "speed", "vehicle_01", "text")] };
  assert.equal(togetherPath(state, words, 60), null);
});

test("what the time of day explains is told", () => {
  assert.equal(togetherWords({ sentence: "They do.", without_day: null }), "They do.");
  assert.match(togetherWords({ sentence: "They do.", without_day: { r: 0.1, is_more_than_chance: false } }), /nothing is left/);
  assert.match(togetherWords({ sentence: "They do.", without_day: { r: -0.512, is_more_than_chance: true } }), /-0.51 is left/);
});
