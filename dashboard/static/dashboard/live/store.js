import { unitSymbol } from "../charts/format.js";
import { Series } from "./series.js";
import { DEFAULT_INTERVAL_S, statusAfter } from "./status.js";

/**
 * @typedef {Object} Device
 * @property {string} id
 * @property {number | null} ts time of the newest reading, epoch seconds
 * @property {number | null} receivedAt when the newest reading arrived at the server, epoch seconds
 * @property {string} told its status as the server said it last; "" for a device that has only been heard of by what it sent
 * @property {number} interval expected seconds between readings
 * @property {Record<string, unknown>} values of the newest reading
 * @property {Series} series of the chosen field
 * @property {number} resolution seconds between points of its history where that was thinned, else 0
 */

/** @typedef {{ unit: string, label: string, kind?: string }} Field */

/**
 * What the page knows about the devices of one model: the newest reading of each, and the recent points of the chosen field.
 * It only ever takes in what the server sent; drawing is left to others.
 */
export class LiveStore {
  /** @type {Map<string, Device>} */
  devices = new Map();
  /** @type {Map<string, Field>} */
  fields = new Map();
  field = "";

  /**
   * @param {string} model
   * @param {number} windowS seconds that the charts show
   */
  constructor(model, windowS) {
    this.model = model;
    this.windowS = windowS;
  }

  /**
   * Take in the answer of the status API.
   * @param {{device_id: string, model: string, status: string, last_seen: string | null, expected_interval_s: number | null}[]} rows
   */
  applyStatus(rows) {
    for (const row of rows) {
      if (row.model !== this.model) continue;
      const device = this.#device(row.device_id);
      device.interval = row.expected_interval_s || DEFAULT_INTERVAL_S;
      device.told = row.status ?? "";
      const seen = row.last_seen ? Date.parse(row.last_seen) / 1000 : null;
      if (seen !== null && seen > (device.receivedAt ?? 0)) device.receivedAt = seen;
    }
  }

  /**
   * Take in a snapshot: it is the whole truth about newest values, so a device that it does not name is gone.
   * @param {{fields: Record<string, Field>, devices: Object[]}} frame
   */
  applySnapshot(frame) {
    const fields = Object.entries(frame.fields ?? {});
    this.fields = new Map(fields.map(([name, field]) => [name, { ...field, unit: unitSymbol(field.unit) }]));
    const named = new Set(frame.devices.map((entry) => entry.device_id));
    for (const id of this.devices.keys()) if (!named.has(id)) this.devices.delete(id);
    for (const entry of frame.devices) {
      const device = this.#device(entry.device_id);
      device.ts = entry.ts ?? null;
      device.values = entry.values ?? {};
      device.interval = entry.expected_interval_s || device.interval;
      device.receivedAt = entry.received_at ?? device.receivedAt;
      this.#addPoint(device, entry.ts, device.values[this.field]);
    }
  }

  /**
   * Take in what came since the last frame.
   * @param {{at: number, devices: Object[]}} frame
   * @returns {{readings: number, strangers: boolean}} new points of the fullest field, and whether a device is new to the page
   */
  applyFrame(frame) {
    let readings = 0;
    let strangers = false;
    for (const entry of frame.devices) {
      if (!this.devices.has(entry.device_id)) strangers = true;
      readings += this.#applyEntry(entry, frame.at);
    }
    return { readings, strangers };
  }

  #applyEntry(entry, at) {
    const device = this.#device(entry.device_id);
    const points = entry.points ?? {};
    const count = Object.values(points).reduce((most, list) => Math.max(most, list.length), 0);
    // An entry that says neither when nor what arrived only tells that the status changed.
    const arrived = entry.received_at ?? (count ? at : 0);
    if (arrived) device.receivedAt = Math.max(device.receivedAt ?? 0, arrived);
    device.interval = entry.expected_interval_s || device.interval;
    if (entry.ts !== null && entry.ts !== undefined && entry.ts >= (device.ts ?? -Infinity)) {
      device.ts = entry.ts;
      device.values = entry.values ?? device.values;
    }
    for (const [ts, value] of points[this.field] ?? []) this.#addPoint(device, ts, value);
    return count;
  }

  /**
   * Merge stored history into what came live in the meantime.
   * @param {string} id
   * @param {{field: string, points: number[][]}} history rollup points are `[ts, avg, min, max, count]`; the average is shown
   * @param {number} resolution seconds between points where history was thinned, else 0
   */
  mergeHistory(id, history, resolution) {
    const device = this.devices.get(id);
    if (!device || history.field !== this.field) return;
    device.resolution = resolution;
    for (const [ts, value] of history.points) this.#addPoint(device, ts, value);
  }

  /**
   * Show another field: its points are not here yet, so every series starts anew.
   * @param {string} field
   */
  chooseField(field) {
    if (field === this.field) return;
    this.field = field;
    for (const device of this.devices.values()) {
      device.series = new Series(this.windowS);
      device.resolution = 0;
      if (device.ts !== null) this.#addPoint(device, device.ts, device.values[this.field]);
    }
  }

  /**
   * Show a longer or shorter window. The points stay; what a longer one reaches back to must be read from history.
   * @param {number} windowS seconds
   */
  chooseWindow(windowS) {
    this.windowS = windowS;
    for (const device of this.devices.values()) device.series.windowS = windowS;
  }

  /** @param {number} from epoch seconds; what lies before may be dropped */
  trim(from) {
    for (const device of this.devices.values()) device.series.trim(from);
  }

  /**
   * @param {Device} device
   * @param {number} now the server's time
   * @returns {string} one of STATUSES but "unknown"
   */
  status(device, now) {
    return device.receivedAt === null ? "offline" : statusAfter(now - device.receivedAt, device.interval);
  }

  /** @returns {string[]} the fields that a chart can show: numbers, by what the server says or else by what was seen */
  numericFields() {
    const wasSeen = (name) => [...this.devices.values()].some((device) => typeof device.values[name] === "number");
    const isNumeric = ([name, { kind }]) => (kind ? ["number", "integer"].includes(kind) : wasSeen(name));
    return [...this.fields].filter(isNumeric).map(([name]) => name);
  }

  #device(id) {
    let device = this.devices.get(id);
    if (!device) {
      device = {
        id, ts: null, receivedAt: null, told: "", interval: DEFAULT_INTERVAL_S, values: {}, series: new Series(this.windowS), resolution: 0,
      };
      this.devices.set(id, device);
    }
    return device;
  }

  #addPoint(device, ts, value) {
    if (typeof value === "number" && typeof ts === "number") device.series.insert(ts, value);
  }
}
