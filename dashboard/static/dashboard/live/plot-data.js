/**
 * Make what the plotting library draws: the points from just before `from` on, with an empty one wherever readings are missing, so
 * that a gap is seen as a gap.
 * @param {import("./series.js").Series} series
 * @param {number} from left edge, epoch seconds
 * @param {number} to epoch seconds; later points are left out
 * @param {number} gapS seconds without a reading that make a gap
 * @returns {[number[], (number | null)[]]}
 */
export function plotData(series, from, to, gapS) {
  const { times, values } = series;
  const xs = [];
  const ys = [];
  for (let i = Math.max(0, series.indexAt(from) - 1); i < times.length && times[i] <= to; i += 1) {
    const previous = xs.at(-1);
    if (previous !== undefined && times[i] - previous > gapS) {
      xs.push((previous + times[i]) / 2);
      ys.push(null);
    }
    xs.push(times[i]);
    ys.push(values[i]);
  }
  return [xs, ys];
}

/**
 * Find the smallest and the largest value inside a window.
 * @param {import("./series.js").Series} series
 * @param {number} from epoch seconds
 * @param {number} to epoch seconds
 * @returns {[number, number] | null} null when the window holds no reading
 */
export function extent(series, from, to) {
  const { times, values } = series;
  let [min, max] = [Infinity, -Infinity];
  for (let i = series.indexAt(from); i < times.length && times[i] <= to; i += 1) {
    if (values[i] < min) min = values[i];
    if (values[i] > max) max = values[i];
  }
  return min > max ? null : [min, max];
}
