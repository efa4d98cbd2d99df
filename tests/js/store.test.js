import assert from "node:assert/strict";
import { test } from "node:test";
import { ChartOrder } from "../../dashboard/static/dashboard/live/order.js";
import { LiveStore } from "../../dashboard/static/dashboard/live/store.js";

const FIELDS = {
  speed: { unit: "km/h", label: "Speed", kind: "number" }, battery: { unit: "%", label: "Battery", kind: "number" },
};
const entry = (id, ts, speed, more = {}) => ({ device_id: id, status: "online", ts, values: { speed, battery: 80 }, ...more });
const snapshot = (...devices) => ({ type: "snapshot", seq: 0, at: 100, model: "vehicle", fields: FIELDS, devices });
const frame = (at, ...devices) => ({ type: "latest_data", seq: 1, at, model: "vehicle", devices });

function newStore(...devices) {
  const store = new LiveStore("vehicle", 300);
  store.chooseField("speed");
  store.applySnapshot(snapshot(...devices));
  return store;
}

const newest = (store) => Object.fromEntries(
  [...store.devices.values()].map(({ id, ts, receivedAt, values, interval }) => [id, { ts, receivedAt, values, interval }]),
);
const points = ({ series }) => [...series.times].map((ts, i) => [ts, series.values[i]]);

/** What a server would know that stored every reading: the newest by its own time, and the newest arrival. */
function freshSnapshot(readings) {
  const latest = new Map();
  for (const { id, ts, speed, arrived } of readings) {
    const known = latest.get(id);
    const isNewer = !known || ts >= known.ts;
    latest.set(id, entry(id, isNewer ? ts : known.ts, isNewer ? speed : known.values.speed, {
      received_at: Math.max(arrived, known?.received_at ?? 0), expected_interval_s: 1,
    }));
  }
  return snapshot(...latest.values());
}

/** Group readings as the server does: one entry per device, newest values by time, and every point. */
function frameOf(at, readings) {
  const entries = new Map();
  for (const { id, ts, speed } of readings) {
    const known = entries.get(id) ?? entry(id, -Infinity, null, { points: { speed: [] }, received_at: at, expected_interval_s: 1 });
    known.points.speed.push([ts, speed]);
    if (ts >= known.ts) Object.assign(known, { ts, values: { speed, battery: 80 } });
    entries.set(id, known);
  }
  return frame(at, ...entries.values());
}

test("a snapshot and the frames after it equal a fresh snapshot", () => {
  for (let round = 0; round < 50; round += 1) {
    const readings = Array.from({ length: 200 }, (_, i) => ({
      id: `vehicle_${1 + Math.floor(Math.random() * 5)}`, arrived: 100 + Math.floor(i / 10),
      // One in five readings is late by up to a minute: it was waiting in its device's outbox.
      ts: 100 + i / 10 - (Math.random() < 0.2 ? Math.random() * 60 : 0), speed: i,
    }));
    const split = Math.floor(Math.random() * 20);
    const inSecond = (second) => readings.filter((reading) => reading.arrived === 100 + second);
    const before = readings.filter((reading) => reading.arrived < 100 + split);
    const store = newStore(...freshSnapshot(before).devices);
    for (let second = split; second < 20; second += 1) store.applyFrame(frameOf(100 + second, inSecond(second)));
    assert.deepEqual(newest(store), newest(newStore(...freshSnapshot(readings).devices)));
  }
});

test("a late reading becomes a point but not the newest value", () => {
  const store = newStore(entry("vehicle_01", 90, 50));
  store.applyFrame(frame(101, entry("vehicle_01", 80, 20, { points: { speed: [[80, 20]] } })));
  const device = store.devices.get("vehicle_01");
  assert.equal(device.values.speed, 50);
  assert.deepEqual(points(device), [[80, 20], [90, 50]]);
});

test("history goes beneath what came live in the meantime, and overlap is counted once", () => {
  const store = newStore(entry("vehicle_01", 100, 10));
  store.applyFrame(frame(101, entry("vehicle_01", 101, 11, { points: { speed: [[101, 11]] } })));
  store.mergeHistory("vehicle_01", { field: "speed", points: [[98, 8], [99, 9], [100, 10], [101, 11]] }, 0);
  assert.deepEqual(points(store.devices.get("vehicle_01")), [[98, 8], [99, 9], [100, 10], [101, 11]]);
});

test("history of a field that is no longer shown is thrown away", () => {
  const store = newStore(entry("vehicle_01", 100, 10));
  store.mergeHistory("vehicle_01", { field: "battery", points: [[99, 80]] }, 0);
  assert.deepEqual(points(store.devices.get("vehicle_01")), [[100, 10]]);
});

test("another field starts with its newest value only", () => {
  const store = newStore(entry("vehicle_01", 100, 10));
  store.chooseField("battery");
  assert.deepEqual(points(store.devices.get("vehicle_01")), [[100, 80]]);
});

test("a device that a snapshot does not name is gone, and one that a frame names is new", () => {
  const store = newStore(entry("vehicle_01", 90, 1), entry("vehicle_02", 90, 2));
  store.applySnapshot(snapshot(entry("vehicle_02", 91, 3)));
  assert.deepEqual([...store.devices.keys()], ["vehicle_02"]);
  const { strangers, readings } = store.applyFrame(frame(92, entry("vehicle_03", 92, 4, { points: { speed: [[91, 3], [92, 4]] } })));
  assert.equal(strangers, true);
  assert.equal(readings, 2);
  assert.deepEqual([...store.devices.keys()], ["vehicle_02", "vehicle_03"]);
});

test("online, late and offline follow the silence of a device, not what a frame called it", () => {
  const store = newStore(entry("vehicle_01", 100, 1, { received_at: 100, expected_interval_s: 2 }));
  const device = store.devices.get("vehicle_01");
  const at = (now) => store.status(device, now);
  assert.deepEqual([at(106), at(106.1), at(130), at(130.1)], ["online", "late", "late", "offline"]);
});

test("an entry without points is no sign of life", () => {
  const store = newStore(entry("vehicle_01", 100, 1, { received_at: 100, expected_interval_s: 1 }));
  store.applyFrame(frame(140, entry("vehicle_01", 100, 1, { status: "offline", points: {} })));
  assert.equal(store.status(store.devices.get("vehicle_01"), 140), "offline");
});

test("the status API tells the expected interval and never turns the clock back", () => {
  const store = newStore(entry("vehicle_01", 100, 1, { received_at: 100 }));
  const row = { device_id: "vehicle_01", model: "vehicle", expected_interval_s: 60, last_seen: "1970-01-01T00:01:00Z" };
  store.applyStatus([row, { ...row, device_id: "sensor_1", model: "sensor" }]);
  const device = store.devices.get("vehicle_01");
  assert.deepEqual([device.interval, device.receivedAt, store.devices.size], [60, 100, 1]);
});

test("only fields that hold numbers can be charted", () => {
  const store = newStore(entry("vehicle_01", 100, 1));
  store.applySnapshot({
    ...snapshot({ ...entry("vehicle_01", 100, 1), values: { speed: 1, driver: "Ada" } }),
    fields: { ...FIELDS, driver: { unit: "", label: "Driver", kind: "text" }, gear: { unit: "", label: "Gear", kind: "integer" } },
  });
  assert.deepEqual(store.numericFields(), ["speed", "battery", "gear"]);
  // Without a socket only names are known: then what was seen decides.
  store.fields = new Map([["speed", { unit: "", label: "speed" }], ["driver", { unit: "", label: "driver" }]]);
  assert.deepEqual(store.numericFields(), ["speed"]);
});

test("charts of devices that send come first, and stay where they are until they are placed anew", () => {
  const order = new ChartOrder();
  const devices = [["v1", "offline"], ["v10", "online"], ["v9", "online"], ["v2", "late"]].map(([id, told]) => ({ id, told }));
  const ids = () => order.sorted(devices, (device) => device.told).map(({ id }) => id);
  assert.deepEqual(ids(), ["v9", "v10", "v2", "v1"]);
  devices[0].told = "online";
  devices[2].told = "offline";
  devices.push({ id: "v3", told: "" });
  assert.deepEqual(ids(), ["v3", "v9", "v10", "v2", "v1"], "a device that is new has just sent");
  order.forget();
  assert.deepEqual(ids(), ["v1", "v3", "v10", "v2", "v9"]);
});
