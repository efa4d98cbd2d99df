import "./panel.js";
import { readColours } from "./plot.js";

/** The panels of a page, one below the other, on one axis of time. */
export class PanelStack {
  #element;
  #panels = new Map();
  #events;
  #isTold = false;
  #found = [];

  /**
   * @param {HTMLElement} element
   * @param {{onZoom: (from: number, to: number) => void, onUndo: () => void}} events
   */
  constructor(element, events) {
    [this.#element, this.#events] = [element, events];
    readColours();
    new MutationObserver(() => this.#redraw(true)).observe(document.documentElement, { attributeFilter: ["data-bs-theme"] });
    new ResizeObserver(() => this.#redraw(false)).observe(element);
  }

  /** @returns {number} how wide a plot is at most, in pixels */
  get width() {
    return this.#element.clientWidth || this.#element.parentElement.clientWidth || 600;
  }

  /**
   * @param {import("./answer.js").Panel[]} panels
   * @param {[number, number]} x ends of the range
   * @param {string} words of the range
   */
  show(panels, x, words) {
    const wanted = new Set(panels.map(({ key }) => key));
    for (const [key, element] of this.#panels) {
      if (wanted.has(key)) continue;
      element.remove();
      this.#panels.delete(key);
    }
    this.#element.dataset.count = String(panels.length);
    const events = {
      words, isBesideWords: panels.some((panel) => panel.words),
      onZoom: (from, to) => this.#once(() => this.#events.onZoom(from, to)), onUndo: () => this.#once(this.#events.onUndo),
    };
    panels.forEach((panel, index) => {
      const element = this.#panels.get(panel.key) ?? document.createElement("explore-panel");
      this.#panels.set(panel.key, element);
      if (this.#element.children[index] !== element) this.#element.insertBefore(element, this.#element.children[index] ?? null);
      element.show(panel, x, events);
      element.mark(this.#found);
    });
  }

  /** @param {import("../charts/marks.js").Finding[]} findings */
  mark(findings) {
    this.#found = findings;
    for (const panel of this.#panels.values()) panel.mark(findings);
  }

  /** @param {[number, number]} x the range has moved, and nothing else has changed */
  move(x) {
    for (const panel of this.#panels.values()) panel.move(x);
  }

  /** A drag is told by every plot whose crosshair moves along; it is one zoom all the same. */
  #once(act) {
    if (this.#isTold) return;
    this.#isTold = true;
    setTimeout(() => {
      this.#isTold = false;
    });
    act();
  }

  #redraw(withColours) {
    if (withColours) readColours();
    for (const panel of this.#panels.values()) panel.redraw();
  }
}
