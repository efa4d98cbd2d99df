import { decimalsFor } from "../charts/format.js";
import { readColours } from "./plot.js";
import { STATUSES } from "./status.js";

const SLOW_MS = 1000;
const FASTEST_MS = 100;

/** A chart is about this many half pixels wide: drawing more often than it moves by one is wasted. */
const STEPS_PER_WINDOW = 600;

/**
 * @typedef {Object} Painted
 * @property {import("./choices.js").Choices} choices
 * @property {import("./chart-grid.js").ChartGrid} grid
 * @property {import("./latest-table.js").LatestTable} table
 * @property {HTMLElement} counts
 * @property {import("../charts/clock.js").ServerClock} clock
 * @property {import("./found.js").Found} found
 * @property {() => import("./store.js").LiveStore} store
 * @property {() => boolean} isTrusted whether the connection is good enough to say which device is online
 */

/**
 * Decides when to draw: at most once per animation frame, as often as the right edge moves by half a pixel, never in a hidden tab, and
 * not at all while paused. What stands still then is a copy; the store goes on.
 */
export class Painter {
  #of;
  #frozen = null;
  #frame = 0;
  #slowAt = -Infinity;
  #ranges = new Map();

  /** @param {Painted} painted */
  constructor(painted) {
    this.#of = painted;
    readColours();
    new MutationObserver(() => this.#themeChanged()).observe(document.documentElement, { attributeFilter: ["data-bs-theme"] });
    document.addEventListener("visibilitychange", () => this.request());
    this.#tick();
  }

  get paused() {
    return this.#frozen !== null;
  }

  /** @returns {Map<string, import("./store.js").Device>} the devices as they are, or as they were when the page was paused */
  get devices() {
    return this.#frozen?.devices ?? this.#of.store().devices;
  }

  /** Let what is shown stand still. */
  pause() {
    const devices = new Map([...this.#of.store().devices].map(([id, device]) => [id, { ...device }]));
    const trusted = this.#of.isTrusted();
    this.#frozen = { devices, trusted, view: this.#makeView(true, undefined, trusted) };
  }

  /** Another window, field or scale was chosen, or its history came: while paused, show it up to the moment of the pause. */
  choicesChanged() {
    if (!this.#frozen) return;
    for (const [id, copy] of this.#frozen.devices) {
      const { series, resolution } = this.#of.store().devices.get(id) ?? copy;
      Object.assign(copy, { series, resolution });
    }
    this.#frozen.view = this.#makeView(true, this.#frozen.view.now, this.#frozen.trusted);
  }

  /** Go on with what is now. */
  resume() {
    this.#frozen = null;
  }

  /** Forget what was learned about values, because another model is shown. */
  restart() {
    this.#frozen = null;
    this.#ranges.clear();
  }

  /** Draw with the next animation frame; the table and the counts too when `everything` changed. */
  request(everything = false) {
    if (everything) this.#slowAt = -Infinity;
    this.#frame ||= requestAnimationFrame(() => this.#draw());
  }

  #tick() {
    if (!this.paused) this.request();
    const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
    const step = still ? SLOW_MS : (this.#of.choices.windowS * 1000) / STEPS_PER_WINDOW;
    setTimeout(() => this.#tick(), Math.min(SLOW_MS, Math.max(FASTEST_MS, step)));
  }

  #draw() {
    this.#frame = 0;
    if (document.hidden) return;
    const view = this.#frozen?.view ?? this.#makeView();
    this.#of.grid.draw(view);
    const now = performance.now();
    if (now - this.#slowAt < SLOW_MS) return;
    this.#slowAt = now;
    this.#learnRanges();
    this.#of.store().trim(view.now - view.windowS);
    this.#of.grid.drawWords(view);
    this.#of.table.show([...this.devices.values()], view);
    this.#drawCounts(view);
  }

  #makeView(frozen = false, now = this.#of.clock.now(), trusted = this.#of.isTrusted()) {
    const { choices, grid, found } = this.#of;
    const store = this.#of.store();
    const { label, unit } = store.fields.get(store.field) ?? { label: store.field, unit: "" };
    return {
      now, isFrozen: frozen, windowS: choices.windowS, window: choices.window, windowName: choices.windowLabel,
      model: store.model, fields: store.fields,
      field: store.field, label: label || store.field, unit,
      range: choices.sameScale ? grid.range(now - choices.windowS, now) : null,
      precision: (field) => this.#precision(field),
      found: (device) => found.of(device, store.field),
      statusOf: (device) => (trusted ? store.status(device, now) : "unknown"),
    };
  }

  #precision(field) {
    const { min, max, whole } = this.#ranges.get(field) ?? { min: 0, max: 1, whole: false };
    return { decimals: decimalsFor(min, max, this.#of.store().fields.get(field)?.unit), whole };
  }

  /** Widen what is known about the values of each field: ranges only grow, so the number of decimals does not flicker. */
  #learnRanges() {
    for (const { values } of this.#of.store().devices.values()) {
      for (const [field, value] of Object.entries(values)) {
        if (typeof value !== "number") continue;
        const range = this.#ranges.get(field) ?? { min: value, max: value, whole: true };
        range.min = Math.min(range.min, value);
        range.max = Math.max(range.max, value);
        range.whole &&= Number.isInteger(value);
        this.#ranges.set(field, range);
      }
    }
  }

  #drawCounts(view) {
    const counts = Object.fromEntries(STATUSES.map((status) => [status, 0]));
    for (const device of this.devices.values()) counts[view.statusOf(device)] += 1;
    const shown = STATUSES.filter((status) => counts[status] || (status !== "unknown" && !counts.unknown));
    const state = `${this.devices.size} ${shown.map((status) => counts[status])} ${shown}`;
    if (this.#of.counts.dataset.state === state) return;
    this.#of.counts.dataset.state = state;
    const total = Object.assign(document.createElement("b"), {
      textContent: `${this.devices.size} ${this.devices.size === 1 ? "device" : "devices"}`,
    });
    this.#of.counts.replaceChildren(total, ...shown.map((status) => countBadge(status, counts[status])));
  }

  #themeChanged() {
    readColours();
    this.#of.grid.redraw();
  }
}

function countBadge(status, count) {
  const badge = Object.assign(document.createElement("span"), { className: "status", textContent: `${count} ${status}` });
  badge.dataset.status = count ? status : "none";
  return badge;
}
