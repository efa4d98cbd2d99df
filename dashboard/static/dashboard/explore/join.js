/**
 * Put series on one axis of time. Where a series has no point at a time of another one, its column holds `undefined`, which a line
 * runs through; where it has a gap, it holds null, also at all times of others from its last point before to its first one after, because
 * a line ends at the place next to a null and not at the last point.
 * @param {import("./answer.js").Point[][]} all the points of each series, in order of time
 * @param {[number, number][]} columns for each column: of which series, and which place in its points
 * @returns {{xs: number[], columns: (unknown)[][]}}
 */
export function join(all, columns) {
  const times = new Set();
  for (const points of all) for (const point of points) times.add(point[0]);
  const xs = [...times].sort((a, b) => a - b);
  const places = new Map(xs.map((ts, index) => [ts, index]));
  return { xs, columns: columns.map(([of, at]) => column(all[of], at, places)) };
}

function column(points, at, places) {
  const values = new Array(places.size).fill(undefined);
  for (const point of points) values[places.get(point[0])] = point[at] ?? null;
  let isGap = false;
  const widen = (index) => {
    if (values[index] === undefined && isGap) values[index] = null;
    isGap = values[index] === null;
  };
  for (let i = 0; i < values.length; i += 1) widen(i);
  isGap = false;
  for (let i = values.length - 1; i >= 0; i -= 1) widen(i);
  return values;
}

/**
 * Find the point of a column that is nearest to a place of the axis.
 * @param {number[]} xs
 * @param {unknown[]} ys
 * @param {number} index where the crosshair is
 * @param {number} within how far away it may be, in seconds
 * @returns {number | null} its index; null when there is none so near, or there is a gap
 */
export function nearest(xs, ys, index, within) {
  if (ys[index] !== undefined) return ys[index] === null ? null : index;
  let [left, right] = [index - 1, index + 1];
  while (left >= 0 && ys[left] === undefined) left -= 1;
  while (right < ys.length && ys[right] === undefined) right += 1;
  const distance = (i) => (i < 0 || i >= xs.length || ys[i] === null ? Infinity : Math.abs(xs[i] - xs[index]));
  const best = distance(left) <= distance(right) ? left : right;
  return distance(best) <= within ? best : null;
}

/**
 * Find the points that a line would not show: those with nothing on either side to draw a line to.
 * @param {unknown[]} ys
 * @returns {number[]} their indices
 */
export function lonely(ys) {
  const found = [];
  let [before, last] = [null, -1]; // the value before the last one that is defined, and where that last one is
  for (let i = 0; i <= ys.length; i += 1) {
    const value = i === ys.length ? null : ys[i];
    if (value === undefined) continue;
    if (last >= 0 && ys[last] !== null && before === null && value === null) found.push(last);
    before = last >= 0 ? ys[last] : null;
    last = i;
  }
  return found;
}

/**
 * @param {Iterable<unknown[]>} columns
 * @returns {[number, number] | null} the smallest and the largest number in them; null when there is none
 */
export function extentOf(columns) {
  let [min, max] = [Infinity, -Infinity];
  for (const values of columns) {
    for (const value of values) {
      if (typeof value !== "number") continue;
      if (value < min) min = value;
      if (value > max) max = value;
    }
  }
  return min > max ? null : [min, max];
}

/**
 * @param {Iterable<unknown[]>} columns
 * @returns {boolean} whether every number in them is whole, so that none needs decimals
 */
export function areWhole(columns) {
  for (const values of columns) if (values.some((value) => typeof value === "number" && !Number.isInteger(value))) return false;
  return true;
}
