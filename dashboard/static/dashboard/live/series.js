/** Two readings closer than this are one: a time may lose its last digits on its way through the database. */
const SAME_INSTANT_S = 0.0005;

/** A full series is thinned to the smallest and the largest value in each of this many parts of its window. */
const BUCKETS = 1200;

const FIRST_SIZE = 256;

/**
 * The readings of one field of one device in order of time, bounded in number. They lie in two growing typed arrays; what is
 * dropped at the front moves `#start`, so that appending and dropping cost nothing as a rule.
 */
export class Series {
  #times = new Float64Array(FIRST_SIZE);
  #values = new Float64Array(FIRST_SIZE);
  #start = 0;
  #end = 0;

  /** Grows with every change, so that a chart knows whether it must draw anew. */
  version = 0;

  /**
   * @param {number} windowS the window that is shown, in seconds
   * @param {number} capacity at most so many points are kept
   */
  constructor(windowS, capacity = 6000) {
    this.windowS = windowS;
    this.capacity = capacity;
  }

  get length() {
    return this.#end - this.#start;
  }

  /** Times in ascending order; a view that is valid until the next change. */
  get times() {
    return this.#times.subarray(this.#start, this.#end);
  }

  /** The values that belong to `times`. */
  get values() {
    return this.#values.subarray(this.#start, this.#end);
  }

  /**
   * Put a point where its time belongs; a second value for the same instant replaces the first.
   * @param {number} ts epoch seconds
   * @param {number} value
   * @returns {boolean} whether the point is new
   */
  insert(ts, value) {
    if (!Number.isFinite(ts) || !Number.isFinite(value)) return false;
    if (this.length >= this.capacity) this.#thin();
    const at = this.#position(ts - SAME_INSTANT_S);
    this.version += 1;
    if (at < this.#end && this.#times[at] <= ts + SAME_INSTANT_S) {
      this.#values[at] = value;
      return false;
    }
    this.#open(at, ts, value);
    return true;
  }

  /**
   * Drop what is older than the window, but keep one point before it, so that the line enters from the left edge.
   * @param {number} from epoch seconds
   */
  trim(from) {
    while (this.#start + 1 < this.#end && this.#times[this.#start + 1] < from) this.#start += 1;
  }

  /**
   * @param {number} from epoch seconds
   * @returns {number} index in `times` of the first point at or after `from`
   */
  indexAt(from) {
    return this.#position(from) - this.#start;
  }

  #position(ts) {
    let low = this.#start;
    let high = this.#end;
    // Nearly every point is the newest: look there before searching.
    if (high > low && this.#times[high - 1] < ts) return high;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.#times[middle] < ts) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  #open(at, ts, value) {
    let position = at;
    if (this.#end === this.#times.length) position -= this.#makeRoom();
    this.#times.copyWithin(position + 1, position, this.#end);
    this.#values.copyWithin(position + 1, position, this.#end);
    this.#times[position] = ts;
    this.#values[position] = value;
    this.#end += 1;
  }

  /** Move everything to the front, into larger arrays when they are more than half full; says by how much it moved. */
  #makeRoom() {
    const moved = this.#start;
    const size = this.length * 2 > this.#times.length ? this.#times.length * 2 : this.#times.length;
    const times = new Float64Array(size);
    const values = new Float64Array(size);
    times.set(this.times);
    values.set(this.values);
    [this.#times, this.#values] = [times, values];
    [this.#start, this.#end] = [0, this.#end - moved];
    return moved;
  }

  #thin() {
    const size = this.windowS / BUCKETS;
    const { times, values } = this;
    const kept = [];
    for (let first = 0; first < times.length;) {
      const bucket = Math.floor(times[first] / size);
      let [low, high, next] = [first, first, first];
      for (; next < times.length && Math.floor(times[next] / size) === bucket; next += 1) {
        if (values[next] < values[low]) low = next;
        if (values[next] > values[high]) high = next;
      }
      kept.push(Math.min(low, high));
      if (low !== high) kept.push(Math.max(low, high));
      first = next;
    }
    // Points so far apart that thinning freed too little: the oldest quarter goes.
    this.#keep(kept.slice(kept.length > this.capacity * 0.75 ? Math.ceil(this.capacity / 4) : 0));
  }

  #keep(indices) {
    indices.forEach((from, to) => {
      this.#times[to] = this.#times[this.#start + from];
      this.#values[to] = this.#values[this.#start + from];
    });
    [this.#start, this.#end] = [0, indices.length];
  }
}
