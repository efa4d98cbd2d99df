import { getJson } from "../charts/api.js";
import { ServerClock } from "../charts/clock.js";
import { ChartGrid, FIRST_CHARTS } from "./chart-grid.js";
import { Found } from "./found.js";
import { HistoryReader } from "./history.js";
import { ChartOrder } from "./order.js";
import { Painter } from "./painter.js";
import { LiveStore } from "./store.js";

const DEFAULT_FIELD = "speed";

/**
 * After this long without a word from the server nobody can say which device is online. It is less than the five seconds after which
 * the first of them would be called late.
 */
const TRUST_MS = 4000;

/**
 * @typedef {Object} ViewEvents
 * @property {(error: import("../charts/api.js").ApiError) => void} onError
 * @property {() => void} onRead the API answered
 */

/** What is seen of one model: takes in what the server sends, and lists the devices that are asked for as charts and rows. */
export class LiveView {
  #part;
  #choices;
  #toolbar;
  #events;
  #clock = new ServerClock();
  #found = new Found(this.#clock);
  #store = new LiveStore("", 0);
  #showAll = false;
  #order = new ChartOrder();
  #grid;
  #history;
  #painter;
  #trustedAt = 0;
  /** Readings that came while paused. */
  missed = 0;
  /** When the newest frame was sent, by the server's clock. */
  lastHeard = Date.now() / 1000;

  /**
   * @param {(id: string) => HTMLElement} part finds an element of the page
   * @param {import("./choices.js").Choices} choices
   * @param {import("./toolbar.js").Toolbar} toolbar
   * @param {ViewEvents} events
   */
  constructor(part, choices, toolbar, events) {
    [this.#part, this.#choices, this.#toolbar, this.#events] = [part, choices, toolbar, events];
    this.#grid = new ChartGrid(part("charts"), (ids) => this.#seen(ids));
    this.#history = new HistoryReader((...read) => this.#receiveHistory(...read), events.onError);
    this.#painter = new Painter({
      choices, grid: this.#grid, clock: this.#clock, found: this.#found, store: () => this.#store, isTrusted: () => Date.now() - this.#trustedAt < TRUST_MS,
      table: part("latest").querySelector("latest-table"), counts: part("counts"),
    });
    part("show-all").addEventListener("click", () => {
      this.#showAll = !this.#showAll;
      this.search();
    });
    document.addEventListener("visibilitychange", () => document.hidden && this.#order.forget());
  }

  get model() {
    return this.#store.model;
  }

  get paused() {
    return this.#painter.paused;
  }

  /** @param {string} model the one whose devices are shown from now on */
  follow(model) {
    this.#store = new LiveStore(model, this.#choices.windowS);
    this.#found.follow(model);
    this.#order.forget();
    this.#painter.restart();
    this.#grid.show([]);
  }

  /** @param {Object[]} rows the answer of the status API */
  receiveStatus(rows) {
    this.#trustedAt = Date.now();
    this.#store.applyStatus(rows);
    this.listDevices();
  }

  /** @param {Object} frame a snapshot */
  receiveSnapshot(frame) {
    this.#heard(frame.at);
    this.#store.applySnapshot(frame);
    this.#fieldsKnown();
    this.listDevices();
  }

  /**
   * @param {Object} frame what came since the last one
   * @returns {boolean} whether it named a device that the page did not know
   */
  receiveFrame(frame) {
    this.#heard(frame.at);
    const { readings, strangers } = this.#store.applyFrame(frame);
    if (this.paused) this.missed += readings;
    else if (strangers) this.listDevices();
    else this.#painter.request();
    return strangers;
  }

  /**
   * Learn the fields from the newest values of one device, for when no snapshot comes because the socket does not work.
   * @param {string} model
   */
  async readFieldsFromApi(model) {
    const [id] = this.#store.devices.keys();
    if (model !== this.model || this.#store.fields.size || !id) return;
    try {
      const latest = await getJson(`/api/devices/${encodeURIComponent(id)}/latest`);
      if (this.#store.fields.size) return;
      this.#store.fields = new Map(Object.keys(latest.values).map((name) => [name, { label: name, unit: "" }]));
      this.#fieldsKnown();
      this.listDevices();
    } catch (error) {
      this.#events.onError(error);
    }
  }

  /** Read the stored history of the charts in view again: something was missed, or another stretch is wanted. */
  readAgain() {
    this.#history.restart(this.#store.model, this.#store.field, this.#choices.window, this.#choices.windowS);
    for (const id of this.#grid.seen) this.#history.want(id);
  }

  windowChanged() {
    this.#store.chooseWindow(this.#choices.windowS);
    this.#otherStretch();
  }

  fieldChanged() {
    this.#store.chooseField(this.#choices.field);
    this.#otherStretch();
  }

  scaleChanged() {
    this.#otherStretch();
  }

  /** Stand still, or go on; readings are collected all the same. */
  togglePause() {
    if (this.paused) this.#painter.resume();
    else this.#painter.pause();
    this.missed = 0;
    this.listDevices();
  }

  /** Show what is searched for: the charts move anyhow, so those that send come first again. */
  search() {
    this.#order.forget();
    this.listDevices();
  }

  /** Show the charts and rows of the devices that are asked for. */
  listDevices() {
    const { search } = this.#toolbar;
    // The server's word is taken: a browser whose clock is wrong would call every device silent until the first frame.
    const all = this.#order.sorted(this.#painter.devices.values(), (device) => device.told);
    const found = all.filter((device) => device.id.toLowerCase().includes(search));
    const charted = this.#showAll ? found : found.slice(0, FIRST_CHARTS);
    this.#grid.show(charted);
    this.#showRest(charted.length, found.length, all.length);
    this.#painter.request(true);
  }

  #showRest(charted, found, all) {
    this.#part("more").hidden = found > 0 ? found <= FIRST_CHARTS : all === 0;
    this.#part("more-text").textContent = found
      ? `${charted} of ${found} charts are shown. The table below has all ${all} devices.` : "No device has such a name.";
    this.#part("show-all").hidden = found === 0;
    this.#part("show-all").textContent = this.#showAll ? `Show the first ${FIRST_CHARTS}` : `Show all ${found}`;
  }

  #seen(ids) {
    for (const id of ids) this.#history.want(id);
    this.#painter.request();
  }

  #receiveHistory(id, history, resolution) {
    this.#events.onRead();
    this.#store.mergeHistory(id, history, resolution);
    this.#grid.forgetRange();
    this.#painter.choicesChanged();
    this.#painter.request();
  }

  #heard(at) {
    this.#trustedAt = Date.now();
    this.lastHeard = at;
    this.#clock.observe(at);
  }

  #fieldsKnown() {
    const names = this.#store.numericFields();
    const wanted = [this.#choices.field, this.#store.field, DEFAULT_FIELD];
    this.#choices.field = wanted.find((name) => names.includes(name)) ?? names[0] ?? "";
    this.#toolbar.showFields(names, this.#store.fields);
    if (this.#choices.field === this.#store.field) return;
    this.#store.chooseField(this.#choices.field);
    this.#grid.forgetRange();
    this.readAgain();
  }

  #otherStretch() {
    this.#grid.forgetRange();
    this.#painter.choicesChanged();
    this.readAgain();
    this.listDevices();
  }
}
