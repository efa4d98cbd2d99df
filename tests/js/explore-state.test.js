import assert from "node:assert/strict";
import { test } from "node:test";
import { exportsOf } from "../../dashboard/static/dashboard/explore/export-menu.js";
import { firstChoice, firstRange } from "../../dashboard/static/dashboard/explore/first-choice.js";
import {
  between, bounds, durationOf, fromInput, isRelative, scaled, secondsOf, shifted, toInput,
} from "../../dashboard/static/dashboard/explore/range.js";
import { pointsWanted } from "../../dashboard/static/dashboard/explore/reader.js";
import {
  DEFAULTS, addressOf, fieldsByModel, isComplete, readState, seriesPath,
} from "../../dashboard/static/dashboard/explore/state.js";
import { ZoomStack } from "../../dashboard/static/dashboard/explore/zoom-stack.js";

const NOW = 1_763_740_800;
const HOUR = { start: NOW - 7200, end: NOW - 3600 };

test("what stands in the address comes back from it", () => {
  const states = [
    DEFAULTS,
    { ...DEFAULTS, fields: ["vehicle.speed", "sensor.temperature"], devices: ["a/b & c?", "ü"], range: HOUR, compare: "7d", live: true },
    { ...DEFAULTS, fields: ["v.s"], devices: ["*"], tags: ["north"], bucket: "5m", function: "max", by: "tag", view: "table" },
    { ...DEFAULTS, range: { start: NOW + 0.125, end: NOW + 3.5 } },
  ];
  for (const state of states) assert.deepEqual(readState(addressOf(state)), state);
});

test("an address says nothing that is so anyhow", () => {
  assert.equal(addressOf({ ...DEFAULTS, fields: ["v.s"], devices: ["*"] }), "?field=v.s&device=*&duration=1h");
});

test("nonsense in an address is passed over", () => {
  const state = readState("?field=speed&field=.x&bucket=soon&function=toString&by=__proto__&compare=-1d&duration=1e9h&view=3d&device=");
  assert.deepEqual(state, DEFAULTS);
  assert.deepEqual(readState("?start=2026-01-02&end=2026-01-01").range, DEFAULTS.range, "the end is before the start");
});

test("what an address asks for is bounded, and all devices stand alone", () => {
  const many = Array.from({ length: 300 }, (_, i) => `field=v.f${i}&device=d${i}`).join("&");
  assert.deepEqual([readState(many).fields.length, readState(many).devices.length], [10, 100]);
  assert.deepEqual(readState("device=a&device=*").devices, ["*"]);
});

test("the API is asked in the words of the address", () => {
  const state = { ...DEFAULTS, fields: ["v.s"], devices: ["d 1"], range: HOUR, view: "table", live: true };
  const path = seriesPath(state, { points: 800, zone: "Europe/Zurich" });
  assert.equal(path, "/api/v1/series?field=v.s&device=d+1&start=2025-11-21T14%3A00%3A00.000Z&end=2025-11-21T15%3A00%3A00.000Z"
    + "&points=800&zone=Europe%2FZurich");
});

test("only a field with devices or tags can be shown", () => {
  const complete = (more) => isComplete({ ...DEFAULTS, ...more });
  assert.deepEqual([{}, { fields: ["a.b"] }, { devices: ["*"] }, { fields: ["a.b"], tags: ["n"] }].map(complete),
    [false, false, false, true]);
  assert.deepEqual([...fieldsByModel({ ...DEFAULTS, fields: ["a.x", "b.y", "a.z"] })], [["a", ["x", "z"]], ["b", ["y"]]]);
});

test("a length of time has the largest unit that divides it", () => {
  for (const text of ["1s", "90s", "5m", "90m", "2h", "7d"]) assert.equal(durationOf(secondsOf(text)), text);
  assert.deepEqual(["24h", "1w", "0.2s"].map((text) => durationOf(secondsOf(text))), ["1d", "7d", "1s"]);
  assert.deepEqual(["", "h", "-1h", "1 h", "1y"].map(secondsOf), [0, 0, 0, 0, 0]);
});

test("going back and forth through time ends where it began", () => {
  assert.deepEqual(shifted(shifted(HOUR, NOW, -0.5), NOW, 0.5), HOUR);
  assert.deepEqual(shifted({ duration: "1h" }, NOW, -1), HOUR);
});

test("what would reach beyond now becomes the newest stretch of the same length, and moves with the clock again", () => {
  assert.deepEqual(shifted(HOUR, NOW, 1), { duration: "1h" });
  assert.deepEqual(bounds(shifted(HOUR, NOW, 3), NOW + 5), [NOW + 5 - 3600, NOW + 5]);
});

test("zooming out keeps the middle, and the newest stretch stays the newest", () => {
  assert.deepEqual(scaled(HOUR, NOW, 2), { start: NOW - 9000, end: NOW - 1800 });
  assert.deepEqual(scaled({ duration: "1h" }, NOW, 2), { duration: "2h" });
  assert.equal(isRelative(scaled(HOUR, NOW, 100)), true);
  assert.equal(secondsOf(scaled({ duration: "365d" }, NOW, 1e6).duration) < 8e8, true, "it has an end");
});

test("a range that was dragged backwards or not at all is still one", () => {
  assert.deepEqual(between(20, 10), { start: 10, end: 20 });
  assert.deepEqual(between(10, 10), { start: 9.5, end: 10.5 });
});

test("an input of date and time shows the second that it was given, in the browser's zone", () => {
  assert.equal(fromInput(toInput(NOW)), NOW);
  assert.equal(fromInput(""), null);
});

test("zooms are undone in the opposite order, and not more of them are kept than anyone takes back", () => {
  const zooms = new ZoomStack();
  for (let i = 0; i < 60; i += 1) zooms.push({ duration: `${i}m` });
  assert.deepEqual([zooms.pop(), zooms.pop()], [{ duration: "59m" }, { duration: "58m" }]);
  let left = 0;
  while (!zooms.isEmpty) left += zooms.pop() ? 1 : 0;
  assert.equal(left, 48);
  assert.equal(zooms.pop(), undefined);
});

test("what is seen is exported as it was asked for, and all readings behind it model by model", () => {
  const state = { ...DEFAULTS, fields: ["v.s", "w.t", "v.u"], devices: ["a"], tags: ["n"], range: HOUR, function: "max" };
  const [seen, ...all] = exportsOf(state, { points: 500, zone: "UTC" });
  assert.equal(seen.query, `what=series&${seriesPath(state, { points: 500, zone: "UTC" }).split("?")[1]}`);
  const times = "start=2025-11-21T14%3A00%3A00.000Z&end=2025-11-21T15%3A00%3A00.000Z";
  assert.deepEqual(all.map(({ query }) => query),
    [`what=rows&model=v&device=a&tag=n&field=s&field=u&${times}`, `what=rows&model=w&device=a&tag=n&field=t&${times}`]);
});

test("no more points are asked for than the chart is wide, and fewer the more lines there are", () => {
  const wanted = (more) => pointsWanted({ ...DEFAULTS, fields: ["v.s"], devices: ["*"], ...more }, 900, () => 100);
  assert.deepEqual([wanted({ devices: ["a"] }), wanted({}), wanted({ compare: "7d" }), wanted({ by: "all" })], [900, 300, 150, 900]);
  assert.equal(wanted({ fields: ["v.a", "v.b", "v.c", "v.d"] }), 100, "but some in any case");
});

test("somebody who asks for nothing sees the first measured field, and of a large fleet only a few", () => {
  const field = (name, kind) => ({ name, label: "", unit: "", kind });
  const models = [
    { name: "idle", devices: 0, fields: [field("a", "number")] }, { name: "van", devices: 2, fields: [field("m", "choice"), field("s", "number")] },
  ];
  const devices = ["v1", "v2", "v3", "v4", "v5", "v6"].map((name) => ({ name, model: "van", tags: [] }));
  const chosen = ({ fields, devices: names }) => [fields, names];
  assert.deepEqual(chosen(firstChoice({ models, devices })), [["van.s"], ["*"]]);
  const large = models.map((model) => ({ ...model, devices: model.devices * 50 }));
  assert.deepEqual(chosen(firstChoice({ models: large, devices })), [["van.s"], ["v1", "v2", "v3", "v4", "v5"]]);
  assert.deepEqual(chosen(firstChoice({ models: [], devices: [] })), [[], []]);
});

test("who comes when the first readings are minutes old sees those minutes, and not the empty hour before", () => {
  const end = "2026-11-22T12:00:00Z";
  const began = (...ages) => ({ end, series: ages.map((age) => ({ points: [[Date.parse(end) / 1000 - age, 1], [Date.parse(end) / 1000, 2]] })) });
  const chosen = [began(90, 20), began(20, 800), began(20, 901), began(), { end, series: [{ points: [] }] }].map(firstRange);
  assert.deepEqual(chosen.map(({ duration }) => duration), ["5m", "15m", "1h", "1h", "1h"]);
});
