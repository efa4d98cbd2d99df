import { getJson } from "../charts/api.js";
import { historyPath, historyResolution } from "./history-path.js";

const AT_ONCE = 4;
const POINTS = 1200;
const RETRY_MS = 5000;

/**
 * Reads stored history for the charts that are in view, four at a time, each device once until `restart`. An answer that a restart
 * has overtaken is thrown away.
 */
export class HistoryReader {
  #onHistory;
  #onError;
  #model = "";
  #field = "";
  #window = "";
  #windowS = 0;
  #round = 0;
  #asked = new Set();
  #queue = [];
  #running = 0;

  /**
   * @param {(id: string, history: Object, resolution: number) => void} onHistory
   * @param {(error: import("../charts/api.js").ApiError) => void} onError a request that may yet succeed is tried again by itself
   */
  constructor(onHistory, onError) {
    this.#onHistory = onHistory;
    this.#onError = onError;
  }

  /**
   * Forget what was read, because the field, the window or the connection changed.
   * @param {string} model
   * @param {string} field
   * @param {string} window as in "5m"
   * @param {number} windowS the same in seconds
   */
  restart(model, field, window, windowS) {
    [this.#model, this.#field, this.#window, this.#windowS] = [model, field, window, windowS];
    this.#round += 1;
    this.#asked.clear();
    this.#queue = [];
  }

  /** @param {string} id a device whose chart is in view */
  want(id) {
    if (!this.#field || this.#asked.has(id)) return;
    this.#asked.add(id);
    this.#queue.push(id);
    this.#next();
  }

  #next() {
    while (this.#running < AT_ONCE && this.#queue.length) {
      this.#running += 1;
      this.#read(this.#queue.shift(), this.#round).finally(() => {
        this.#running -= 1;
        this.#next();
      });
    }
  }

  async #read(id, round) {
    let history;
    try {
      history = await getJson(historyPath(this.#model, id, this.#field, this.#window, POINTS));
    } catch (error) {
      if (round === this.#round) this.#failed(id, round, error);
      return;
    }
    if (round === this.#round) this.#onHistory(id, history, historyResolution(history, this.#windowS, POINTS));
  }

  #failed(id, round, error) {
    this.#onError(error);
    // A refusal (no such device or field any more) would only be repeated.
    if (error.status < 400 || error.status >= 500) setTimeout(() => this.#retry(id, round), RETRY_MS);
  }

  #retry(id, round) {
    if (round !== this.#round) return;
    this.#queue.push(id);
    this.#next();
  }
}
