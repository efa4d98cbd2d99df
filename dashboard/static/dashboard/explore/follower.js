import { ServerClock } from "../charts/clock.js";
import { isRelative, secondsOf } from "./range.js";
import { SeriesReader } from "./reader.js";
import { WHOLE_EVERY_S, lookEvery, tailQuery, withTail } from "./tail.js";

/** The API takes no more points of a series than this; a tail is never thinned. */
const TAIL_POINTS = 5000;

/**
 * @typedef {Object} FollowerEvents
 * @property {(answer: import("./answer.js").Answer) => void} onAnswer the answer with what has come since
 * @property {() => void} onStale the whole has to be read again
 * @property {(error: import("../charts/api.js").ApiError) => void} onError
 */

/** Keeps an answer up to date by reading its newest part again and again; not while the page is hidden. */
export class Follower {
  #reader = new SeriesReader();
  #clock = new ServerClock();
  #events;
  #timer = 0;
  #state = null;
  #answer = null;
  #wholeAt = 0;

  /** @param {FollowerEvents} events */
  constructor(events) {
    this.#events = events;
    document.addEventListener("visibilitychange", () => {
      if (!document.hidden && this.#answer) this.#events.onStale();
    });
  }

  /** @returns {number} the server's time now, in epoch seconds, as far as its answers tell */
  get now() {
    return this.#clock.now();
  }

  /** @param {import("./answer.js").Answer} answer one for a range that ends now */
  observe(answer) {
    this.#clock.observe(Date.parse(answer.end) / 1000);
  }

  /**
   * Begin to follow, in place of whatever was followed.
   * @param {import("./state.js").State} state
   * @param {import("./answer.js").Answer} answer the whole, as it was just read
   */
  follow(state, answer) {
    this.stop();
    if (!state.live || !isRelative(state.range)) return;
    [this.#state, this.#answer, this.#wholeAt] = [state, answer, performance.now()];
    this.#lookLater();
  }

  /** Stand still. */
  stop() {
    clearTimeout(this.#timer);
    this.#reader.stop();
    this.#answer = null;
  }

  #lookLater() {
    clearTimeout(this.#timer);
    const seconds = lookEvery(this.#state.range.duration, this.#answer.bucket_s);
    this.#timer = setTimeout(() => this.#look(), seconds * 1000);
  }

  async #look() {
    if (document.hidden) return;
    if (performance.now() - this.#wholeAt > WHOLE_EVERY_S * 1000) {
      this.#events.onStale();
      return;
    }
    try {
      await this.#readTail();
    } catch (error) {
      this.#events.onError(error);
    }
    if (this.#answer) this.#lookLater();
  }

  async #readTail() {
    const followed = this.#answer;
    const tail = await this.#reader.read({ ...this.#state, ...tailQuery(followed, this.now) }, TAIL_POINTS);
    if (!tail || followed !== this.#answer) return;
    const start = this.now - secondsOf(this.#state.range.duration);
    const newer = withTail(followed, tail, start);
    if (!newer) this.#events.onStale();
    else {
      this.#answer = newer;
      this.#events.onAnswer(newer);
    }
  }
}
