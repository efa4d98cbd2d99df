import { getJson } from "../charts/api.js";
import { fieldsByModel, seriesPath } from "./state.js";
import { plural, sizeWords } from "./words.js";

const FORMATS = { csv: "CSV", parquet: "Parquet" };

/**
 * The exports that fit what is shown: the points as they are seen, and all readings behind them, one file for each model.
 * @param {import("./state.js").State} state with a range that stands still, so that the file holds what is seen
 * @param {{points: number, zone: string}} asked how the series were asked for
 * @returns {{title: string, query: string}[]}
 */
export function exportsOf(state, asked) {
  const seen = seriesPath(state, asked).split("?")[1];
  const { start, end } = state.range;
  const all = [...fieldsByModel(state)].map(([model, fields]) => {
    const query = new URLSearchParams({ what: "rows", model });
    for (const device of state.devices) query.append("device", device);
    for (const tag of state.tags) query.append("tag", tag);
    for (const field of fields) query.append("field", field);
    query.set("start", new Date(start * 1000).toISOString());
    query.set("end", new Date(end * 1000).toISOString());
    return { title: `All readings of ${model} in this time`, query: String(query) };
  });
  return [{ title: "What is seen", query: `what=series&${seen}` }, ...all];
}

/** The menu of exports: each as CSV and Parquet, with rows and size told beforehand. */
export class ExportMenu {
  #menu;
  #body;
  #exports;

  /**
   * @param {(id: string) => HTMLElement} part finds an element of the page
   * @param {() => ({title: string, query: string}[])} exports what can be exported of what is shown now
   */
  constructor(part, exports) {
    [this.#menu, this.#body, this.#exports] = [part("export"), part("export-body"), exports];
    this.#menu.addEventListener("toggle", () => this.#menu.open && this.#draw());
  }

  #draw() {
    const found = this.#exports();
    if (!found.length) this.#body.textContent = "There is nothing to export yet: show something first.";
    else this.#body.replaceChildren(...found.map((one) => this.#entry(one)));
  }

  #entry({ title, query }) {
    const entry = document.createElement("div");
    entry.className = "export-entry";
    const size = Object.assign(document.createElement("p"), { className: "picker-note", textContent: "Looking how large it is…" });
    const links = Object.entries(FORMATS).map(([format, name]) => {
      const link = Object.assign(document.createElement("a"), { className: "btn btn-sm", textContent: name, href: `/api/v1/export?${query}&format=${format}` });
      link.setAttribute("aria-label", `${title} as ${name}`);
      link.download = "";
      return link;
    });
    entry.append(Object.assign(document.createElement("b"), { textContent: title }), size, ...links);
    sizeOf(query).then((text) => {
      size.textContent = text;
    });
    return entry;
  }
}

async function sizeOf(query) {
  try {
    const { rows, bytes, estimated } = await getJson(`/api/v1/export/size?${query}&format=csv`);
    return `${estimated ? "about " : ""}${plural(rows, "row")}, about ${sizeWords(bytes)} as CSV`;
  } catch (error) {
    return `How large it is cannot be said: ${error.message}`;
  }
}
