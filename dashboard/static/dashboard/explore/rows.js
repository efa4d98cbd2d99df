import { unitSymbol } from "../charts/format.js";
import { namer } from "./answer.js";
import { join } from "./join.js";

/**
 * The points of an answer as a table.
 * @typedef {Object} Table
 * @property {{name: string, unit: string}[]} columns after the time
 * @property {{ts: number, cells: unknown[]}[]} rows in order of time; what is missing is null
 */

/**
 * Make a table of an answer. One series has a column for each number of a point. Buckets of several series share their times, so each
 * series has a column. Readings of several devices do not, so each has a row that says whose it is.
 * @param {import("./answer.js").Answer} answer
 * @returns {Table}
 */
export function tableOf(answer) {
  const series = answer.series.filter((one) => one.points.length > 0);
  if (series.length === 1) return tableOfOne(series[0]);
  return answer.bucket_s === null ? tableOfReadings(series) : tableOfBuckets(series);
}

function tableOfOne(series) {
  const { function: name, unit } = series;
  const isBucket = series.points.some((point) => point.length > 2);
  const value = { name: isBucket ? `${series.label || series.field}, ${name}` : series.label || series.field, unit: unitOf(series) };
  const more = [{ name: "Minimum", unit: unitSymbol(unit) }, { name: "Maximum", unit: unitSymbol(unit) }, { name: "Readings", unit: "" }];
  const rows = series.points.filter((point) => point[1] !== null);
  return { columns: isBucket ? [value, ...more] : [value], rows: rows.map(([ts, ...cells]) => ({ ts, cells })) };
}

function tableOfBuckets(series) {
  const name = namer(series);
  const { xs, columns } = join(series.map((one) => one.points), series.map((_, index) => [index, 1]));
  const rows = xs.map((ts, at) => ({ ts, cells: columns.map((values) => values[at] ?? null) }));
  return {
    columns: series.map((one) => ({ name: name(one), unit: unitOf(one) })),
    rows: rows.filter(({ cells }) => cells.some((cell) => cell !== null)),
  };
}

function tableOfReadings(series) {
  const name = namer(series);
  const rows = series.flatMap((one) => {
    const [text, unit] = [name(one), unitOf(one)];
    return one.points.filter((point) => point[1] !== null).map(([ts, value]) => ({ ts, cells: [text, value, unit] }));
  });
  rows.sort((a, b) => a.ts - b.ts);
  return { columns: ["Series", "Value", "Unit"].map((column) => ({ name: column, unit: "" })), rows };
}

function unitOf(series) {
  return series.function === "count" ? "" : unitSymbol(series.unit ?? "");
}
