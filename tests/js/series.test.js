import assert from "node:assert/strict";
import { test } from "node:test";
import { roundRange, union } from "../../dashboard/static/dashboard/charts/scale.js";
import { extent, plotData } from "../../dashboard/static/dashboard/live/plot-data.js";
import { Series } from "../../dashboard/static/dashboard/live/series.js";

const filled = (points, windowS = 300, capacity = undefined) => {
  const series = new Series(windowS, capacity);
  for (const [ts, value] of points) series.insert(ts, value);
  return series;
};
const points = (series) => [...series.times].map((ts, i) => [ts, series.values[i]]);

test("a late point lands where its time belongs", () => {
  assert.deepEqual(points(filled([[1, 10], [4, 40], [2, 20], [3, 30], [0, 0]])), [[0, 0], [1, 10], [2, 20], [3, 30], [4, 40]]);
});

test("points arriving in any order give the same series", () => {
  const all = Array.from({ length: 2000 }, (_, i) => [i * 0.1, i]);
  const shuffled = all.map((_, i) => all[(i * 7919) % all.length]);
  assert.deepEqual(points(filled(shuffled)), points(filled(all)));
});

test("a second value for the same instant replaces the first, even when the time lost its last digits", () => {
  const series = filled([[1763740800.123456, 1]]);
  assert.equal(series.insert(1763740800.1234, 2), false);
  assert.equal(series.length, 1);
  assert.equal(series.values[0], 2);
});

test("what is not a number is no point", () => {
  assert.equal(filled([[1, NaN], [Infinity, 1], [NaN, NaN]]).length, 0);
});

test("trimming keeps one point before the edge so that the line enters from the left", () => {
  const series = filled([[1, 1], [2, 2], [3, 3], [4, 4]]);
  series.trim(2.5);
  assert.deepEqual(points(series), [[2, 2], [3, 3], [4, 4]]);
  series.trim(100);
  assert.deepEqual(points(series), [[4, 4]]);
});

test("a series that slides for a long time stays correct and small", () => {
  const series = new Series(300);
  for (let i = 0; i < 50000; i += 1) {
    series.insert(i, i);
    series.trim(i - 300);
  }
  assert.equal(series.length, 302);
  assert.deepEqual([series.times[0], series.times.at(-1)], [49698, 49999]);
});

test("a full series is thinned, and the peaks survive", () => {
  const series = new Series(3600, 6000);
  for (let i = 0; i < 36000; i += 1) series.insert(i / 10, i === 12345 ? 999 : i === 23456 ? -999 : Math.sin(i));
  assert.ok(series.length <= 6000, `${series.length} points`);
  assert.deepEqual(extent(series, 0, 3600), [-999, 999]);
  const steps = series.times.slice(1).map((ts, i) => ts - series.times[i]);
  assert.ok(Math.max(...steps) < 6, "no hole wider than two parts of the window");
});

test("a series is bounded even when thinning frees nothing", () => {
  const series = filled(Array.from({ length: 1000 }, (_, i) => [i * 100, i]), 300, 100);
  assert.ok(series.length <= 100);
  assert.equal(series.times.at(-1), 99900);
});

test("a gap becomes an empty point, and a short silence does not", () => {
  const [xs, ys] = plotData(filled([[0, 1], [4, 2], [10, 3], [11, 4]]), 0, Infinity, 5);
  assert.deepEqual(xs, [0, 4, 7, 10, 11]);
  assert.deepEqual(ys, [1, 2, null, 3, 4]);
});

test("the data of a plot begins with the last point before its left edge and ends with the last in it", () => {
  const [xs] = plotData(filled([[0, 1], [1, 2], [2, 3], [3, 4]]), 1.5, 2.5, 5);
  assert.deepEqual(xs, [1, 2]);
});

test("the extent of a window ignores what lies outside", () => {
  const series = filled([[0, -100], [1, 5], [2, 7], [9, 100]]);
  assert.deepEqual(extent(series, 1, 5), [5, 7]);
  assert.equal(extent(series, 3, 5), null);
});

test("ranges unite, and a missing one changes nothing", () => {
  assert.deepEqual(union([0, 1], [5, 9]), [0, 9]);
  assert.deepEqual(union(null, [5, 9]), [5, 9]);
  assert.equal(union(null, null), null);
});

test("a value scale is round, holds every value, and starts at zero when that is near", () => {
  assert.deepEqual(roundRange([3, 117]), [0, 120]);
  for (const [min, max] of [[20.1, 20.4], [-5, 3], [0.001, 0.002], [5, 5], [0, 0], [-3, -3], [1e6, 1e6 + 1]]) {
    const [low, high] = roundRange([min, max]);
    assert.ok(low <= min && max <= high && low < high, `${min} to ${max} gave ${low} to ${high}`);
  }
});
