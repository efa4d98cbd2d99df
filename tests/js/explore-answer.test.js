import assert from "node:assert/strict";
import { test } from "node:test";
import { hasBands, layOut, namer, withoutSilent } from "../../dashboard/static/dashboard/explore/answer.js";
import { extentOf, join, lonely, nearest } from "../../dashboard/static/dashboard/explore/join.js";
import { tableOf } from "../../dashboard/static/dashboard/explore/rows.js";
import { lookEvery, tailQuery, withTail } from "../../dashboard/static/dashboard/explore/tail.js";
import {
  recomputingWords, resolutionWords, sizeWords, timeLabels,
} from "../../dashboard/static/dashboard/explore/words.js";

const T = 1_763_740_800;
const series = (points, more = {}) => ({
  model: "vehicle", field: "speed", label: "Speed", unit: "km/h", kind: "number", device: "v1", tag: null, function: "avg", shift_s: 0,
  points, ...more,
});
const answer = (all, more = {}) => ({
  start: new Date((T - 3600) * 1000).toISOString(), end: new Date(T * 1000).toISOString(), source: "raw", resolution: "raw",
  bucket_s: null, recomputing: 0, rows: 0, series: all, query: { api: "", sql: "" }, ...more,
});
const WORD = { field: "state", label: "State", unit: "", kind: "choice" };

test("series meet on one axis of time; a line runs through the times of others and ends at a gap", () => {
  const { xs, columns } = join([[[1, 10], [3, null], [5, 50]], [[2, 7], [5, 8]]], [[0, 1], [1, 1]]);
  assert.deepEqual(xs, [1, 2, 3, 5]);
  assert.deepEqual(columns, [[10, null, null, 50], [undefined, 7, undefined, 8]]);
});

test("a gap reaches from the last point before it to the first one after, past the times of other series", () => {
  const other = [1, 2, 3, 4, 5, 6, 7, 8].map((ts) => [ts, 0]);
  const { columns } = join([[[0, 1], [1.5, 2], [4.5, null], [7.5, 3], [9, 4]], other], [[0, 1]]);
  assert.deepEqual(columns[0], [1, undefined, 2, null, null, null, null, null, null, null, 3, undefined, 4]);
});

test("any series keep all their points on the common axis", () => {
  const all = Array.from({ length: 5 }, (_, s) => Array.from({ length: 50 }, (_, i) => [((i * 7 + s) % 50) + i * 50, i % 9 ? i : null]));
  const { xs, columns } = join(all, all.map((_, index) => [index, 1]));
  assert.deepEqual(xs, [...new Set(xs)].sort((a, b) => a - b));
  all.forEach((points, s) => {
    assert.deepEqual(points.map(([ts]) => [ts, columns[s][xs.indexOf(ts)]]), points);
  });
});

test("the crosshair finds the nearest point of each series, but none across a gap or too far away", () => {
  const [xs, ys] = [[0, 1, 2, 3, 10], [5, undefined, undefined, 6, undefined]];
  assert.deepEqual([0, 1, 2, 4].map((at) => nearest(xs, ys, at, 3)), [0, 0, 3, null]);
  assert.equal(nearest(xs, [5, null, 7, 8, 9], 1, 100), null);
  assert.equal(nearest(xs, [undefined, null, undefined, 6, 7], 2, 100), 3);
});

test("a point between two gaps is found, so that it can be drawn as a dot", () => {
  assert.deepEqual(lonely([1, undefined, null, 2, undefined, null, 3, 4, null, undefined, 5]), [0, 3, 10]);
  assert.deepEqual(lonely([]), []);
  assert.deepEqual(extentOf([[1, null, undefined], [-4, "x"]]), [-4, 1]);
  assert.equal(extentOf([[null]]), null);
});

test("there is a panel for each unit and for each field of words; what no line can show is for the table", () => {
  const { panels, tableOnly } = layOut(answer([
    series([[T, 1]]), series([[T, 2]], { field: "limit", label: "Limit" }), series([[T, 80]], { field: "battery", label: "Battery", unit: "%" }),
    series([[T, "on"], [T + 1, null], [T + 2, "off"]], WORD), series([[T, { lat: 1, lon: 2 }]], { field: "place", kind: "point" }),
    series(Array.from({ length: 20 }, (_, i) => [T + i, `word ${i}`]), { field: "note", kind: "text" }),
  ]));
  assert.deepEqual(panels.map(({ title, unit, words }) => [title, unit, words]),
    [["Speed, Limit", "km/h", null], ["Battery", "%", null], ["State", "", ["off", "on"]]]);
  assert.deepEqual(tableOnly.map(({ field }) => field), ["place", "note"]);
});

test("minimum and maximum are drawn around a few lines of buckets, and around no sums", () => {
  const bands = (count, more) => {
    const all = Array.from({ length: count }, (_, i) => series([[T, 1, 0, 2, 60]], { device: `v${i}`, ...more }));
    return hasBands(layOut(answer(all)).panels[0]);
  };
  assert.deepEqual([bands(6), bands(7), bands(1, { function: "sum" }), bands(1, { points: [[T, 1]] })], [true, false, false, false]);
});

test("devices that nobody named and that sent nothing are left out, but not the one that was silent only a week ago", () => {
  const all = [series([[T, 1]]), series([], { shift_s: 604800 }), series([[T, null]], { device: "v2" }), series([], { device: "v3" })];
  assert.deepEqual(withoutSilent(answer(all)).series.map(({ device, shift_s: shift }) => [device, shift]), [["v1", 0], ["v1", 604800]]);
});

test("counts of whatever field share a panel", () => {
  const { panels } = layOut(answer([series([[T, 3]], { function: "count" }), series([[T, 4]], { ...WORD, function: "count" })]));
  assert.deepEqual(panels.map(({ unit, lines }) => [unit, lines.length]), [["readings", 2]]);
});

test("an earlier period has the colour of what it is compared with, and ninth lines are dashed", () => {
  const all = Array.from({ length: 9 }, (_, i) => series([[T, i]], { device: `v${i}` }));
  const { panels: [{ lines }] } = layOut(answer([...all, series([[T, 0]], { device: "v1", shift_s: 604800 })]));
  assert.deepEqual(lines.at(-1).colour, lines[1].colour);
  assert.deepEqual([lines.at(-1).isEarlier, lines.at(-1).name], [true, "v1, 7 days before"]);
  assert.deepEqual([lines[8].colour, lines[8].pattern], [0, 1]);
});

test("names say as much as is needed to tell series apart", () => {
  const names = (...all) => all.map(namer(all));
  assert.deepEqual(names(series([]), series([], { device: "v2" })), ["v1", "v2"]);
  assert.deepEqual(names(series([]), series([], WORD)), ["v1, Speed", "v1, State"]);
  assert.deepEqual(names(series([]), series([], { model: "boat" })), ["v1, vehicle Speed", "v1, boat Speed"]);
  assert.deepEqual(names(series([], { device: null, tag: "north" }), series([], { device: null, shift_s: 3600 })),
    ["north", "all together, 1 hour before"]);
});

test("the newest points take the place of those that were there, and old ones leave", () => {
  const whole = answer([series([[T - 4000, 0], [T - 3700, 1], [T - 30, 2], [T - 10, 3]])]);
  const tail = answer([series([[T - 30, 2], [T - 20, 9], [T - 10, 4], [T, 5]])], { start: new Date((T - 60) * 1000).toISOString() });
  const { series: [{ points }], rows } = withTail(whole, tail, T - 3600);
  assert.deepEqual(points, [[T - 3700, 1], [T - 30, 2], [T - 20, 9], [T - 10, 4], [T, 5]]);
  assert.equal(rows, 5);
});

test("after a silence longer than the tail, or with a new device, the whole is read again", () => {
  const start = new Date((T - 60) * 1000).toISOString();
  const silent = answer([series([[T - 300, 1]])]);
  assert.equal(withTail(silent, answer([series([[T, 2]])], { start }), T - 3600), null);
  assert.equal(withTail(silent, answer([series([[T, 2]], { device: "v2" })], { start }), T - 3600), null);
  const known = answer([series([[T - 300, 1], [T - 150, null], [T - 5, 2]])]);
  const { series: [{ points }] } = withTail(known, answer([series([[T - 5, 2], [T, 3]])], { start }), T - 3600);
  assert.deepEqual(points, [[T - 300, 1], [T - 150, null], [T - 5, 2], [T, 3]], "the gap is known and stays");
  assert.deepEqual(withTail(known, answer([], { start }), T - 3600).series[0].points.length, 3, "nothing new is no reason to forget");
});

test("the tail of buckets begins with the one before the one that is running", () => {
  assert.deepEqual(tailQuery(answer([], { bucket_s: 60 }), T + 90), { range: { start: T, end: T + 90 }, bucket: "60s" });
  assert.deepEqual(tailQuery(answer([]), T), { range: { start: T - 60, end: T }, bucket: "raw" });
  assert.deepEqual([lookEvery("15m", null), lookEvery("1h", 60), lookEvery("7d", 3600)], [1, 1, 5]);
});

test("one series has a column for each number, buckets a column for each series, readings a row each", () => {
  const bucket = (ts, value) => [ts, value, value - 1, value + 1, 60];
  const one = tableOf(answer([series([bucket(T, 5), [T + 60, null, null, null, 0]])], { bucket_s: 60 }));
  assert.deepEqual(one.columns.map(({ name }) => name), ["Speed, avg", "Minimum", "Maximum", "Readings"]);
  assert.deepEqual(one.rows, [{ ts: T, cells: [5, 4, 6, 60] }]);
  const two = [series([bucket(T, 5)]), series([bucket(T, 7), bucket(T + 60, 8)], { device: "v2" })];
  assert.deepEqual(tableOf(answer(two, { bucket_s: 60 })).rows, [{ ts: T, cells: [5, 7] }, { ts: T + 60, cells: [null, 8] }]);
  const raw = tableOf(answer([series([[T + 1, 5]]), series([[T, 7]], { device: "v2" })]));
  assert.deepEqual(raw.rows, [{ ts: T, cells: ["v2", 7, "km/h"] }, { ts: T + 1, cells: ["v1", 5, "km/h"] }]);
});

test("it is said what a point is and where it was read", () => {
  assert.equal(resolutionWords(answer([], { rows: 3600 })), "Every reading is drawn: 3,600 points.");
  assert.match(resolutionWords(answer([], { resolution: "1 of 1203.91" })), /^1 of 1,203\.9 readings is drawn, chosen so that every peak stays/);
  const buckets = { source: "1m", resolution: "1m", bucket_s: 60, rows: 1 };
  assert.equal(resolutionWords(answer([series([])], buckets), true),
    "1 point = 1 min: the average, and the band reaches from minimum to maximum. Read from the rollup by minute: 1 point.");
  assert.match(resolutionWords(answer([series([], { function: "sum" })], buckets)), /1 min: the sum\. Read/);
  assert.match(resolutionWords(answer([], { ...buckets, source: "raw", bucket_s: 10 })), /10 s: .* Read from the readings themselves/);
  assert.match(resolutionWords(answer([], { ...buckets, resolution: "1m, 1 of 3" })), /rollup by minute: 1 point\. 1 of 3 of them is drawn/);
  assert.match(recomputingWords(1), /^1 minute of this range is being computed anew/);
  assert.equal(recomputingWords(0), "");
});

test("sizes and marks of the axis are said as briefly as can be", () => {
  assert.deepEqual([0, 999, 1234, 12_345_678, 3e12].map(sizeWords), ["0 B", "999 B", "1.2 kB", "12 MB", "3.0 TB"]);
  const midnight = new Date(2026, 0, 1).getTime() / 1000;
  assert.deepEqual(timeLabels([midnight - 60, midnight, midnight + 60], 60), ["23:59", "1 Jan", "00:01"]);
  assert.deepEqual(timeLabels([midnight + 1.25], 0.25), ["00:00:01.250"]);
  assert.deepEqual(timeLabels([midnight, midnight + 31 * 86400], 31 * 86400), ["Jan 2026", "Feb"]);
});
