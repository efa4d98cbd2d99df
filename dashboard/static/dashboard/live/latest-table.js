import { showTime, valueText } from "../charts/format.js";
import { statusReason } from "./status.js";

const byName = new Intl.Collator(undefined, { numeric: true });
const STATUS_ORDER = { online: 3, unknown: 2, late: 1, offline: 0 };

/** The newest values of all devices, sorted by any column; drawn only while it is in view. */
export class LatestTable extends HTMLElement {
  #rows = new Map();
  #columns = "";
  #sort = { column: "device", ascending: true };
  #visible = true;
  #latest = null;

  connectedCallback() {
    this.innerHTML = `<div class="table-scroll" role="region" aria-label="Table of latest values" tabindex="0">
      <table class="table table-sm"><thead><tr></tr></thead><tbody></tbody></table></div>`;
    this.querySelector("thead").addEventListener("click", (event) => this.#chooseSort(event));
    new IntersectionObserver((entries) => {
      this.#visible = entries.at(-1).isIntersecting;
      if (this.#visible && this.#latest) this.#draw();
    }, { rootMargin: "200px" }).observe(this);
  }

  /**
   * @param {import("./store.js").Device[]} devices
   * @param {import("./chart.js").View} view
   */
  show(devices, view) {
    this.#latest = [devices, view];
    if (this.#visible) this.#draw();
  }

  #draw() {
    const [devices, view] = this.#latest;
    this.#drawHead(view);
    this.#drawBody(devices, view);
  }

  #drawHead(view) {
    const columns = [["device", "Device", ""], ["status", "Status", ""], ["age", "Age", ""]];
    for (const [name, field] of view.fields) columns.push([`field:${name}`, field.label || name, field.unit]);
    const state = JSON.stringify([columns, this.#sort]);
    if (state === this.#columns) return;
    this.#columns = state;
    this.#rows.clear();
    this.querySelector("tbody").replaceChildren();
    const focused = document.activeElement?.closest("th")?.dataset.column;
    this.querySelector("thead tr").replaceChildren(...columns.map((column) => this.#headCell(...column)));
    if (focused) this.querySelector(`th[data-column="${CSS.escape(focused)}"] button`)?.focus();
  }

  #headCell(column, label, unit) {
    const cell = document.createElement("th");
    cell.scope = "col";
    cell.dataset.column = column;
    if (column === this.#sort.column) cell.setAttribute("aria-sort", this.#sort.ascending ? "ascending" : "descending");
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = label;
    cell.append(button);
    if (unit) cell.append(Object.assign(document.createElement("span"), { className: "unit", textContent: ` ${unit}` }));
    return cell;
  }

  #chooseSort(event) {
    const column = event.target.closest("button")?.closest("th").dataset.column;
    if (!column || !this.#latest) return;
    const ascending = column === this.#sort.column ? !this.#sort.ascending : !column.startsWith("field:");
    this.#sort = { column, ascending };
    this.#draw();
  }

  #drawBody(devices, view) {
    const body = this.querySelector("tbody");
    const ids = new Set(devices.map((device) => device.id));
    for (const [id, row] of this.#rows) {
      if (ids.has(id)) continue;
      row.remove();
      this.#rows.delete(id);
    }
    let place = body.firstElementChild;
    for (const device of this.#sorted(devices, view)) {
      const row = this.#row(device, view);
      // Moving only rows that stand in the wrong place keeps 1,000 rows cheap and a selection alive.
      if (row === place) place = place.nextElementSibling;
      else body.insertBefore(row, place);
      this.#drawRow(row, device, view);
    }
  }

  #row(device, view) {
    let row = this.#rows.get(device.id);
    if (row) return row;
    row = document.createElement("tr");
    const name = Object.assign(document.createElement("th"), { scope: "row", textContent: device.id });
    const status = document.createElement("td");
    status.append(Object.assign(document.createElement("span"), { className: "status" }));
    const age = document.createElement("td");
    age.append(document.createElement("time"));
    row.append(name, status, age, ...[...view.fields.keys()].map(() => document.createElement("td")));
    this.#rows.set(device.id, row);
    return row;
  }

  #drawRow(row, device, view) {
    const status = view.statusOf(device);
    const badge = row.children[1].firstChild;
    if (badge.textContent !== status) badge.textContent = badge.dataset.status = status;
    badge.title = statusReason(status, view.now - (device.receivedAt ?? view.now), device.interval);
    if (device.ts !== null) showTime(row.children[2].firstChild, device.ts, view.now);
    let index = 3;
    for (const name of view.fields.keys()) {
      const { decimals, whole } = view.precision(name);
      const text = valueText(device.values[name], decimals, whole);
      const cell = row.children[index++];
      if (cell.textContent !== text) cell.textContent = text;
    }
  }

  #sorted(devices, view) {
    const { column, ascending } = this.#sort;
    const direction = ascending ? 1 : -1;
    const field = column.startsWith("field:") ? column.slice(6) : "";
    const key = {
      status: (device) => STATUS_ORDER[view.statusOf(device)],
      age: (device) => (device.ts === null ? Infinity : view.now - device.ts),
    }[column] ?? ((device) => device.values[field] ?? null);
    const names = (a, b) => byName.compare(a.id, b.id);
    if (column === "device") return [...devices].sort((a, b) => direction * names(a, b));
    return [...devices].sort((a, b) => compare(key(a), key(b), direction) || names(a, b));
  }
}

/** Nothing comes last in either direction. */
function compare(a, b, direction) {
  if (a === null || b === null) return (a === null) - (b === null);
  if (typeof a === "number" && typeof b === "number") return direction * (a - b);
  return direction * byName.compare(String(a), String(b));
}

customElements.define("latest-table", LatestTable);
