import assert from "node:assert/strict";
import { test } from "node:test";
import { duration, historyPath, historyResolution } from "../../dashboard/static/dashboard/live/history-path.js";
import { Choices } from "../../dashboard/static/dashboard/live/choices.js";
import { ServerClock } from "../../dashboard/static/dashboard/charts/clock.js";
import { absolute, ago, decimalsFor, span, unitSymbol, valueText } from "../../dashboard/static/dashboard/charts/format.js";
import { gapAfter, statusAfter, statusReason } from "../../dashboard/static/dashboard/live/status.js";

test("a unit is said as people write it", () => {
  assert.deepEqual(["deg", "Cel", "km/h", ""].map(unitSymbol), ["°", "°C", "km/h", ""]);
});

test("a span is said in at most two units", () => {
  assert.deepEqual([0, 4.9, 60, 65, 3600, 3720, 90000, 31557600 * 11].map(span),
    ["0 s", "4 s", "1 min", "1 min 5 s", "1 h", "1 h 2 min", "1 d 1 h", "11 y"]);
});

test("a time ahead of the server says so instead of becoming a negative age", () => {
  assert.deepEqual([0.4, 3, -0.5, -300].map(ago), ["now", "3 s ago", "now", "5 min ahead"]);
});

test("an absolute time names the same instant that it was made from", () => {
  const text = absolute(1763740800.25);
  assert.match(text, /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.250 [+-]\d\d:\d\d$/);
  const [day, time, zone] = text.split(" ");
  assert.equal(Date.parse(`${day}T${time}${zone}`), 1763740800250);
});

test("decimals follow the range of the values, but a position keeps its digits", () => {
  assert.equal(decimalsFor(0, 120, "km/h"), 1);
  assert.equal(decimalsFor(43.0533, 43.0534, "%"), 2);
  assert.equal(decimalsFor(52.5, 52.55, "°"), 4);
  assert.equal(decimalsFor(0, 0, ""), 3);
});

test("values of every type have a text", () => {
  assert.deepEqual([valueText(1.25, 1), valueText(7, 1, true), valueText(true, 0), valueText(undefined, 2), valueText("ok", 2), valueText({ lat: 47.5, lon: 8 }, 2)],
    ["1.3", "7", "yes", "–", "ok", "47.50000, 8.00000"]);
});

test("a fast device has five seconds before it is late and thirty before it is offline", () => {
  assert.deepEqual([5, 5.1, 30, 30.1].map((silence) => statusAfter(silence, 0.1)), ["online", "late", "late", "offline"]);
  assert.deepEqual([180, 181, 600, 601].map((silence) => statusAfter(silence, 60)), ["online", "late", "late", "offline"]);
});

test("the reason of a status names the silence and what was expected", () => {
  assert.equal(statusReason("late", 34, 1), "late: last heard 34 s ago, expected every 1 s");
});

test("a line breaks after three missing readings, but not between points that history thinned", () => {
  assert.deepEqual([gapAfter(1, 0), gapAfter(10, 0), gapAfter(1, 60)], [5, 30, 150]);
});

test("the resolution of history is taken from what it states, its source, or its density", () => {
  const points = (n) => Array.from({ length: n }, (_, i) => [i, 0]);
  assert.equal(historyResolution({ resolution: null, source: "raw", points: points(10) }, 300, 1200), 0);
  assert.equal(historyResolution({ resolution: 30, source: "raw", points: points(10) }, 300, 1200), 30);
  assert.equal(historyResolution({ resolution: "1m", source: "1m", points: points(10) }, 3600, 1200), 60);
  assert.equal(historyResolution({ source: "raw", points: points(1200) }, 3600, 1200), 3);
  assert.equal(historyResolution({ resolution: "1 of 3", source: "raw", points: points(1000) }, 3600, 1200), 3.6);
  assert.equal(duration("raw"), 0);
});

test("a device name with odd characters stays one part of the address", () => {
  assert.equal(historyPath("vehicle", "a/b?c", "speed", "5m", 10), "/api/devices/a%2Fb%3Fc/history?model=vehicle&duration=5m&field=speed&points=10");
});

test("choices come back from the address that they made, and nonsense falls back to the default", () => {
  const choices = new Choices("?window=15m&model=vehicle&field=battery&scale=own");
  assert.deepEqual({ ...new Choices(choices.query) }, { window: "15m", model: "vehicle", field: "battery", sameScale: false });
  assert.equal(new Choices("?window=toString").window, "5m");
});

test("the server's clock is judged by the frame that travelled least", () => {
  let local = 1000;
  const clock = new ServerClock(() => local);
  for (const delay of [0.5, 0.1, 2]) {
    local += 1;
    clock.observe(local + 60 - delay);
  }
  assert.ok(Math.abs(clock.now() - (local + 59.9)) < 1e-9);
});
