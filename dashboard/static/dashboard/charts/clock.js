/**
 * The server's time as seen from this browser. A frame says when it was sent; the one that travelled least is the best
 * witness of the difference between the two clocks, so the largest of the recent differences is taken.
 */
export class ServerClock {
  static #WITNESSES = 10;
  #local;
  #differences = [];
  #difference = 0;

  /** @param {() => number} local the browser's clock, in epoch seconds */
  constructor(local = () => Date.now() / 1000) {
    this.#local = local;
  }

  /** @param {number} at the server's time when it sent a frame, in epoch seconds */
  observe(at) {
    this.#differences.push(at - this.#local());
    if (this.#differences.length > ServerClock.#WITNESSES) this.#differences.shift();
    this.#difference = Math.max(...this.#differences);
  }

  /** @returns {number} the server's time now, in epoch seconds */
  now() {
    return this.#local() + this.#difference;
  }
}
