import assert from "node:assert/strict";
import test from "node:test";
import { hasBands, layOut } from "../../dashboard/static/dashboard/explore/answer.js";
import { canForecast, forecastPath, forecastWords, withForecast } from "../../dashboard/static/dashboard/explore/forecast.js";
import { DEFAULTS, addressOf, readState } from "../../dashboard/static/dashboard/explore/state.js";

const state = { ...DEFAULTS, fields: ["vehicle.battery"], devices: ["vehicle_03"], range: { duration: "3h" }, forecast: true };
const was = {
  model: "vehicle", field: "battery", label: "Battery", unit: "%", kind: "number", device: "vehicle_03", tag: null, function: "avg", shift_s: 0,
  points: [[0, 30, 29, 31, 5], [60, 29, 28, 30, 5]],
};
const answer = { start: "", end: "", series: [was], rows: 2, recomputing: 0 };
const forecast = { start: "", step_s: 60, points: [[120, 28, 27, 29], [180, 27, 25, 29]], back_test: { nominal: 0.9, coverage: 0.912 } };

test("only one number of one device up to now can be forecast", () => {
  assert.ok(canForecast(state));
  for (const change of [{ devices: ["*"] }, { fields: ["a.b", "a.c"] }, { range: { start: 0, end: 9 } }, { compare: "1d" }, { by: "all" }, { function: "count" }]) {
    assert.ok(!canForecast({ ...state, ...change }), JSON.stringify(change));
  }
});

test("whether it is wanted stands in the address", () => {
  assert.ok(readState(addressOf(state)).forecast);
  assert.ok(!readState(addressOf({ ...state, forecast: false })).forecast);
});

test("it is asked for a third of the range", () => {
  assert.equal(forecastPath(state), "/api/v1/forecast?field=vehicle.battery&device=vehicle_03&horizon=3600s");
});

test("what comes is a line of its own, in the same colour, with a band", () => {
  const { panels } = layOut(withForecast(answer, forecast));
  const [before, after] = panels[0].lines;
  assert.equal(panels.length, 1);
  assert.equal(after.colour, before.colour);
  assert.equal(after.name, "vehicle_03, forecast");
  assert.notEqual(after.key, before.key);
  assert.ok(hasBands(panels[0]));
  assert.deepEqual(after.series.points, [[150, 28, 27, 29, 0], [210, 27, 25, 29, 0]]);
});

test("it is told how often such bands have held", () => {
  assert.match(forecastWords(forecast), /hold 90 % of what comes, and in the past such bands held 91 %/);
  assert.match(forecastWords({ back_test: { nominal: 0.9, coverage: null } }), /too little history/);
});
