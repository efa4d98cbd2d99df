import { ApiError, getJson } from "../charts/api.js";
import { findingsPath } from "../charts/marks.js";

const AGAIN_MS = 10_000;
const LONGEST_S = 3600; // the longest window of the page
const AHEAD_S = 60; // a device's clock may be ahead of ours

/** What was noticed to be odd about the devices of a model in the last hour; read again and again. */
export class Found {
  #model = "";
  #timer = 0;
  #byDevice = new Map();
  #clock;

  /** @param {import("../charts/clock.js").ServerClock} clock */
  constructor(clock) {
    this.#clock = clock;
  }

  /** @param {string} model */
  follow(model) {
    this.#model = model;
    this.#byDevice = new Map();
    clearTimeout(this.#timer);
    if (model) this.#read();
  }

  /**
   * @param {string} device
   * @param {string} field
   * @returns {import("../charts/marks.js").Finding[]} what was found of that, and silences, which are of all fields
   */
  of(device, field) {
    return (this.#byDevice.get(device) ?? []).filter((finding) => finding.field === field || finding.field === "");
  }

  async #read() {
    const model = this.#model;
    try {
      const now = this.#clock.now();
      const { results } = await getJson(findingsPath(model, now - LONGEST_S, now + AHEAD_S, 500));
      if (model === this.#model) this.#byDevice = grouped(results);
    } catch (error) {
      if (!(error instanceof ApiError)) throw error; // the charts do without
    } finally {
      clearTimeout(this.#timer);
      if (this.#model) this.#timer = setTimeout(() => this.#read(), AGAIN_MS * (0.75 + Math.random() / 2));
    }
  }
}

function grouped(findings) {
  const found = new Map();
  for (const finding of findings) found.set(finding.device, [...(found.get(finding.device) ?? []), finding]);
  return found;
}
