import { absolute, decimalsFor, valueText } from "../charts/format.js";
import { areWhole, extentOf } from "./join.js";
import { plural } from "./words.js";

/** A table grows by so many rows at a time: a hundred thousand at once would hold up the browser. */
const ROWS = 200;

/** So many characters of a time in full are shown: to the second, or to the millisecond. */
const WITH_SECONDS = 19;
const WITH_MILLIS = 23;

/** The points of an answer as rows, the newest first unless somebody turns them round. */
export class SeriesTable extends HTMLElement {
  #table = { columns: [], rows: [] };
  #newestFirst = true;
  #shown = ROWS;

  connectedCallback() {
    if (this.firstChild) return;
    this.innerHTML = `<div class="table-scroll" role="region" aria-label="Table of the series" tabindex="0">
      <table class="table table-sm"><thead><tr></tr></thead><tbody></tbody></table></div>
      <p class="more"><span></span> <button type="button" class="btn btn-sm"></button></p>`;
    this.querySelector("thead").addEventListener("click", (event) => event.target.closest("button") && this.#turn());
    this.querySelector(".more button").addEventListener("click", () => {
      this.#shown += ROWS;
      this.#draw();
    });
  }

  /** @param {import("./rows.js").Table} table */
  show(table) {
    this.#table = table;
    this.#draw();
  }

  /** Begin at the top again, because something else is shown. */
  restart() {
    this.#shown = ROWS;
  }

  #turn() {
    this.#newestFirst = !this.#newestFirst;
    this.#draw();
    this.querySelector("thead button").focus();
  }

  #draw() {
    const { columns, rows } = this.#table;
    const part = this.#newestFirst ? rows.slice(-this.#shown).reverse() : rows.slice(0, this.#shown);
    const texts = this.#texts();
    this.querySelector("thead tr").replaceChildren(timeHead(this.#newestFirst), ...columns.map(headCell));
    const length = rows.every(({ ts }) => Number.isInteger(ts)) ? WITH_SECONDS : WITH_MILLIS;
    this.querySelector("tbody").replaceChildren(...part.map(({ ts, cells }) => rowOf(ts, cells, texts, length)));
    const more = this.querySelector(".more");
    const left = rows.length - part.length;
    more.firstChild.textContent = left ? `${plural(part.length, "row")} of ${rows.length.toLocaleString("en")}.` : plural(rows.length, "row");
    more.lastChild.hidden = left === 0;
    more.lastChild.textContent = `Show ${Math.min(ROWS, left)} more`;
  }

  #texts() {
    return this.#table.columns.map(({ unit }, index) => {
      const values = [this.#table.rows.map(({ cells }) => cells[index])];
      const decimals = decimalsFor(...(extentOf(values) ?? [0, 1]), unit);
      const whole = areWhole(values);
      return (value) => valueText(value, decimals, whole);
    });
  }
}

function timeHead(newestFirst) {
  const cell = document.createElement("th");
  cell.scope = "col";
  cell.setAttribute("aria-sort", newestFirst ? "descending" : "ascending");
  cell.append(Object.assign(document.createElement("button"), { type: "button", textContent: "Time" }));
  return cell;
}

function headCell({ name, unit }) {
  const cell = Object.assign(document.createElement("th"), { scope: "col", textContent: name });
  if (unit) cell.append(Object.assign(document.createElement("span"), { className: "unit", textContent: ` ${unit}` }));
  return cell;
}

function rowOf(ts, cells, texts, length) {
  const row = document.createElement("tr");
  const time = Object.assign(document.createElement("time"), {
    dateTime: new Date(ts * 1000).toISOString(), textContent: absolute(ts).slice(0, length), title: absolute(ts),
  });
  const head = document.createElement("th");
  head.scope = "row";
  head.append(time);
  row.append(head, ...cells.map((value, index) => (
    Object.assign(document.createElement("td"), { textContent: (texts[index] ?? String)(value) })
  )));
  return row;
}

customElements.define("series-table", SeriesTable);
