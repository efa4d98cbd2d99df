/** More steps back than this nobody takes one by one. */
const MOST = 50;

/** The ranges that were shown before, so that each zoom and each step through time can be undone. */
export class ZoomStack {
  #ranges = [];

  /** @returns {boolean} whether there is anything to undo */
  get isEmpty() {
    return this.#ranges.length === 0;
  }

  /** @param {import("./range.js").Range} range what is shown now, before another takes its place */
  push(range) {
    this.#ranges.push(range);
    if (this.#ranges.length > MOST) this.#ranges.shift();
  }

  /** @returns {import("./range.js").Range | undefined} what was shown before; undefined when that is not known */
  pop() {
    return this.#ranges.pop();
  }

  /** Forget all, because something else is asked for than another stretch of time. */
  clear() {
    this.#ranges = [];
  }
}
