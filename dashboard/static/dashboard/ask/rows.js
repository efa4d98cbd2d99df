import { absolute, decimalsFor, valueText } from "../charts/format.js";

const TIME = /^\d{4}-\d{2}-\d{2}T[\d:.]+(?:Z|[+-]\d{2}:\d{2})$/;
const WITH_SECONDS = 19;

/**
 * Draw the rows that an answer rests on.
 * @param {HTMLElement} section with a table and a place for how many there are
 * @param {Object[]} rows
 * @param {number} inAll how many there are, of which these are the first ones
 */
export function drawRows(section, rows, inAll) {
  section.hidden = rows.length === 0;
  const names = rows.length ? Object.keys(rows[0]) : [];
  const numeric = new Set(names.filter((name) => rows.every((row) => row[name] === null || typeof row[name] === "number")));
  const decimals = new Map([...numeric].map((name) => [name, decimalsOf(rows.map((row) => row[name]))]));
  section.querySelector("thead tr").replaceChildren(...names.map((name) => cell("th", name.replaceAll("_", " "), numeric.has(name), "col")));
  section.querySelector("tbody").replaceChildren(...rows.map((row) => {
    const line = document.createElement("tr");
    line.append(...names.map((name) => cell("td", textOf(row[name], decimals.get(name)), numeric.has(name))));
    return line;
  }));
  const count = section.querySelector("#rows-count");
  count.textContent = inAll > rows.length ? `The first ${rows.length.toLocaleString("en")} of ${inAll.toLocaleString("en")} rows.` : "";
}

function cell(tag, text, isNumber, scope = "") {
  const made = document.createElement(tag);
  made.textContent = text;
  made.classList.toggle("is-number", isNumber);
  if (scope) made.scope = scope;
  return made;
}

function decimalsOf(values) {
  const there = values.filter((value) => value !== null);
  if (there.every(Number.isInteger)) return 0;
  return decimalsFor(Math.min(...there), Math.max(...there));
}

function textOf(value, decimals = 2) {
  if (typeof value === "string") return TIME.test(value) ? absolute(Date.parse(value) / 1000).slice(0, WITH_SECONDS) : value;
  return valueText(value, decimals);
}
