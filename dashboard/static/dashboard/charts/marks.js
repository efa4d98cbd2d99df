import { browserZone } from "./zone.js";

/** A mark is at least this many pixels wide, or nobody could point at it. */
const LEAST_PX = 6;

/**
 * Something odd, as /api/v1/findings gives it.
 * @typedef {{id: number, model: string, device: string, field: string, kind: string, start: string, end: string, open: boolean,
 *   sentence: string, feedback: string | null}} Finding
 */

/**
 * @param {Finding} finding
 * @param {number} now epoch seconds
 * @returns {[number, number]} from when to when it was, in epoch seconds; a silence that lasts until now
 */
export function spanOf({ start, end, open, kind }, now = Date.now() / 1000) {
  return [Date.parse(start) / 1000, open && kind === "missing" ? now : Date.parse(end) / 1000];
}

/**
 * Say where the findings of a model over some time are.
 * @param {string} model
 * @param {number} start epoch seconds
 * @param {number} end
 * @param {number} limit
 * @param {string} zone whose times of the day their sentences have
 */
export function findingsPath(model, start, end, limit = 200, zone = browserZone()) {
  const query = new URLSearchParams({ model, since: start.toFixed(3), until: end.toFixed(3), limit: String(limit), zone });
  return `/api/v1/findings?${query}`;
}

/** Findings over a plot: a band each, with its sentence, that leads to the list. */
export class Marks {
  #plot;
  #layer = Object.assign(document.createElement("div"), { className: "finding-marks" });
  #shown = [];
  #made = "";

  /** @param {Object} plot of uPlot; the marks move with it */
  constructor(plot) {
    this.#plot = plot;
    plot.over.append(this.#layer);
    (plot.hooks.draw ??= []).push(() => this.#place());
  }

  /** @param {Finding[]} findings that are to be marked */
  show(findings) {
    const made = JSON.stringify(findings.map(({ id, end, open, sentence }) => [id, end, open, sentence]));
    if (made === this.#made) return;
    this.#made = made;
    this.#shown = findings.map((finding) => [finding, markOf(finding)]);
    this.#layer.replaceChildren(...this.#shown.map(([, mark]) => mark));
    this.#place();
  }

  #place() {
    const width = this.#layer.clientWidth;
    for (const [finding, mark] of this.#shown) {
      const [start, end] = spanOf(finding).map((at) => this.#plot.valToPos(at, "x"));
      const left = Math.max(0, Math.min(start, (start + end - LEAST_PX) / 2));
      const right = Math.min(width, Math.max(end, left + LEAST_PX));
      mark.hidden = !(right > 0 && left < width);
      mark.style.left = `${left}px`;
      mark.style.width = `${Math.max(LEAST_PX, right - left)}px`;
    }
  }
}

/** Every text in it is data, so it is only ever text. */
function markOf(finding) {
  const mark = Object.assign(document.createElement("a"), { className: "finding-mark", title: `${finding.device}: ${finding.sentence}` });
  mark.setAttribute("aria-label", mark.title);
  mark.dataset.kind = finding.kind;
  mark.href = `/findings?${new URLSearchParams({ device: finding.device, model: finding.model })}#finding-${finding.id}`;
  return mark;
}
