import { getJson } from "../charts/api.js";
import { browserZone } from "../charts/zone.js";
import { fieldsByModel, seriesPath } from "./state.js";

/** All points of a chart together: more of them, at times of their own, take a browser longer to draw than people like to wait. */
const POINTS_IN_ALL = 30_000;

/** A line has no use for more points than the chart has pixels, nor for fewer than show its shape. */
const FEWEST = 100;
const MOST = 1000;

/** Reads series, one question at a time: a newer question gives up the one before. */
export class SeriesReader {
  #current = null;

  /**
   * @param {import("./state.js").State} state
   * @param {number} points at most so many are wanted of each series
   * @returns {Promise<import("./answer.js").Answer | null>} null when a newer question has overtaken it
   * @throws {import("../charts/api.js").ApiError}
   */
  async read(state, points) {
    this.stop();
    const current = new AbortController();
    this.#current = current;
    try {
      return await getJson(seriesPath(state, { points, zone: browserZone() }), current.signal);
    } catch (error) {
      if (error.name === "AbortError") return null;
      throw error;
    } finally {
      if (this.#current === current) this.#current = null;
    }
  }

  /** Give up what is being read. */
  stop() {
    this.#current?.abort();
  }
}

/**
 * Say how many points to ask for, so that neither the answer nor the chart becomes too large.
 * @param {import("./state.js").State} state
 * @param {number} width of the chart in pixels
 * @param {(model: string) => number} devicesOf how many devices a model has, as far as that is known
 * @returns {number}
 */
export function pointsWanted(state, width, devicesOf) {
  const lines = [...fieldsByModel(state)].reduce((sum, [model, fields]) => {
    const named = state.devices[0] === "*" || state.devices.length === 0 ? devicesOf(model) : state.devices.length;
    return sum + fields.length * (state.by === "all" ? 1 : Math.max(1, named));
  }, 0);
  const share = POINTS_IN_ALL / Math.max(1, lines * (state.compare ? 2 : 1));
  return Math.round(Math.min(MOST, Math.max(FEWEST, Math.min(width, share))));
}
