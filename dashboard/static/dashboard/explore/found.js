import { ApiError, getJson } from "../charts/api.js";
import { findingsPath } from "../charts/marks.js";

const AGAIN_MS = 10_000;

/** What was noticed to be odd in what is shown, marked in the charts. They do without it when it cannot be had. */
export class Found {
  #onFindings;
  #asked = "";
  #at = -Infinity;

  /** @param {(findings: import("../charts/marks.js").Finding[]) => void} onFindings */
  constructor(onFindings) {
    this.#onFindings = onFindings;
  }

  /**
   * @param {string[]} models whose findings are wanted
   * @param {[number, number]} x ends of the range, in epoch seconds
   * @param {boolean} isMoving whether the range goes along with the time, and is the same all the same
   */
  async read(models, x, isMoving) {
    const asked = JSON.stringify([models, isMoving ? Math.round(x[1] - x[0]) : x]);
    const now = performance.now();
    if (asked === this.#asked && now - this.#at < AGAIN_MS) return;
    [this.#asked, this.#at] = [asked, now];
    try {
      const pages = await Promise.all(models.map((model) => getJson(findingsPath(model, ...x))));
      if (asked === this.#asked) this.#onFindings(pages.flatMap(({ results }) => results));
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
    }
  }
}
