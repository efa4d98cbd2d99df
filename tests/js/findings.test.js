import assert from "node:assert/strict";
import { test } from "node:test";
import { findingsPath, spanOf } from "../../dashboard/static/dashboard/charts/marks.js";
import { explorePath, watchWords } from "../../dashboard/static/dashboard/findings/words.js";

const NOW = 1_795_000_000;
const iso = (at) => new Date(at * 1000).toISOString();
const finding = { id: 7, model: "van", device: "van & 1", field: "speed", kind: "spike", start: iso(NOW - 3600), end: iso(NOW - 3590), open: false };
const watch = { at: iso(NOW), running: true, devices: 3, learning: 0, learning_until: null, behind_s: 0 };

test("a finding is asked for by the time that is shown", () => {
  assert.equal(findingsPath("van", 10, 20.5, 200, "Asia/Tokyo"), "/api/v1/findings?model=van&since=10.000&until=20.500&limit=200&zone=Asia%2FTokyo");
});

test("a silence that goes on lasts until now, and nothing else does", () => {
  assert.deepEqual(spanOf({ ...finding, open: true, kind: "missing" }, NOW), [NOW - 3600, NOW]);
  assert.deepEqual(spanOf({ ...finding, open: true }, NOW), [NOW - 3600, NOW - 3590]);
});

test("the explorer shows what was before and after as well, and nothing that has yet to come", () => {
  const query = new URLSearchParams(explorePath(finding, NOW).split("?")[1]);
  assert.equal(query.get("field"), "van.speed");
  assert.equal(query.get("device"), "van & 1");
  assert.deepEqual([Date.parse(query.get("start")) / 1000, Date.parse(query.get("end")) / 1000], [NOW - 4200, NOW - 2990]);
  const late = { ...finding, start: iso(NOW - 2), end: iso(NOW - 1) };
  assert.equal(Date.parse(new URLSearchParams(explorePath(late, NOW).split("?")[1]).get("end")) / 1000, NOW + 1);
});

test("it is said how many devices are watched and learned, and when nobody watches", () => {
  const clock = () => "11:40";
  assert.equal(watchWords(watch, clock), "3 devices are watched.");
  assert.equal(watchWords({ ...watch, learning: 2, learning_until: iso(NOW) }, clock),
    "3 devices are watched. Of 2 that are new only what is unmistakable is found, of the first until 11:40.");
  assert.match(watchWords({ ...watch, running: false }, clock), /since 11:40/);
  assert.equal(watchWords({ ...watch, at: null }, clock), "Nothing is watched yet.");
});
