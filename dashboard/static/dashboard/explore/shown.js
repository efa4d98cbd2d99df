import { hasBands, isEmpty } from "./answer.js";
import { Found } from "./found.js";
import { PanelStack } from "./panel-stack.js";
import { isRelative } from "./range.js";
import { tableOf } from "./rows.js";
import { rangeWords, recomputingWords, resolutionWords } from "./words.js";

/** The result: charts or table, what a point is, and how the same is asked for elsewhere. */
export class Shown {
  #part;
  #stack;
  #found;

  /**
   * @param {(id: string) => HTMLElement} part finds an element of the page
   * @param {{onZoom: (from: number, to: number) => void, onUndo: () => void}} events
   */
  constructor(part, events) {
    this.#part = part;
    this.#stack = new PanelStack(part("panels"), events);
    this.#found = new Found((findings) => this.#stack.mark(findings));
  }

  /** @returns {number} how wide a chart is, in pixels */
  get width() {
    return this.#stack.width;
  }

  /** @param {boolean} isBusy whether something else than what is seen is being read */
  busy(isBusy) {
    this.#part("result").setAttribute("aria-busy", String(isBusy));
    this.#part("result").classList.toggle("is-busy", isBusy);
  }

  /** Show nothing. */
  clear() {
    this.busy(false);
    for (const id of ["resolution", "asked", "table", "panels"]) this.#part(id).hidden = true;
    this.#stack.show([], [0, 1], "");
  }

  /**
   * @param {import("./answer.js").Answer} answer
   * @param {{panels: import("./answer.js").Panel[], tableOnly: import("./answer.js").AnswerSeries[]}} layout
   * @param {[number, number]} x ends of the range, in epoch seconds
   * @param {import("./state.js").State} state
   */
  show(answer, { panels, tableOnly }, x, state) {
    this.busy(false);
    const nothing = isEmpty(answer);
    const asTable = state.view === "table" || panels.length === 0;
    this.#part("panels").hidden = asTable || nothing;
    this.#part("table").hidden = !asTable || nothing;
    if (asTable) this.#part("table").show(tableOf(answer));
    else this.#stack.show(nothing ? [] : panels, x, rangeWords(state.range));
    const models = [...new Set(answer.series.map(({ model }) => model))];
    if (!asTable && !nothing) this.#found.read(models, x, isRelative(state.range));
    this.#say(answer, tableOnly, asTable, nothing, !asTable && panels.some(hasBands));
  }

  #say(answer, tableOnly, asTable, nothing, withBand) {
    const onlyThere = [...new Set(tableOnly.map((series) => series.label || series.field))];
    const words = [resolutionWords(answer, withBand), recomputingWords(answer.recomputing), answer.note ?? ""];
    if (onlyThere.length && !asTable) words.push(`${onlyThere.join(", ")} cannot be drawn as a line: the table shows it.`);
    const text = words.filter(Boolean).join(" ");
    const element = this.#part("resolution");
    if (element.textContent !== text) element.textContent = text;
    element.hidden = nothing;
    this.#part("asked").hidden = false;
    const api = `curl -H "Authorization: Token $TOKEN" "${location.origin}${answer.query.api}"`;
    for (const [id, value] of [["asked-api", api], ["asked-sql", answer.query.sql]]) {
      if (this.#part(id).textContent !== value) this.#part(id).textContent = value;
    }
  }
}
