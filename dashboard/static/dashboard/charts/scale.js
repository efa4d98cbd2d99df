/**
 * Unite two ranges, either of which may be missing.
 * @param {[number, number] | null} a
 * @param {[number, number] | null} b
 * @returns {[number, number] | null}
 */
export function union(a, b) {
  if (!a || !b) return a ?? b;
  return [Math.min(a[0], b[0]), Math.max(a[1], b[1])];
}

/**
 * Widen a range to round numbers. They change rarely while the data moves, so the scale does not twitch.
 * @param {[number, number] | null} range
 * @returns {[number, number]}
 */
export function roundRange(range) {
  let [min, max] = range ?? [0, 1];
  if (min === max) {
    const margin = Math.abs(max) * 0.1 || 1;
    [min, max] = [min - margin, max + margin];
  }
  if (min > 0 && min < 0.4 * max) min = 0;
  const rough = (max - min) / 8;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = power * ([1, 2, 5].find((factor) => factor * power >= rough) ?? 10);
  return [Math.floor(min / step) * step, Math.ceil(max / step) * step];
}
