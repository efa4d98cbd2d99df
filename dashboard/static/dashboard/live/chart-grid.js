import "./chart.js";
import { union } from "../charts/scale.js";
import { extent } from "./plot-data.js";

/** More charts than this are shown only on request, or by searching. */
export const FIRST_CHARTS = 24;

/** The common value scale is found anew this often at most: it looks at every point of every chart. */
const RANGE_EVERY_MS = 500;

/** The charts of a page in one grid. Only those in view are drawn. */
export class ChartGrid {
  #element;
  #cards = new Map();
  #inView = new Set();
  #onSeen;
  #watchView;
  #watchSize;
  #range = null;
  #rangeAt = -Infinity;

  /**
   * @param {HTMLElement} element
   * @param {(ids: string[]) => void} onSeen devices whose charts came into view
   */
  constructor(element, onSeen) {
    this.#element = element;
    this.#onSeen = onSeen;
    this.#watchView = new IntersectionObserver((entries) => this.#viewChanged(entries), { rootMargin: "150px" });
    this.#watchSize = new ResizeObserver((entries) => this.#redraw(entries.map((entry) => entry.target)));
  }

  /** @returns {string[]} devices whose charts are in view */
  get seen() {
    return [...this.#inView].map((card) => card.device.id);
  }

  /**
   * Show one chart per device, in this order; charts that stay are kept.
   * @param {import("./store.js").Device[]} devices
   */
  show(devices) {
    const wanted = new Set(devices.map((device) => device.id));
    for (const [id, card] of this.#cards) if (!wanted.has(id)) this.#remove(id, card);
    let place = this.#element.firstElementChild;
    for (const device of devices) {
      const card = this.#cards.get(device.id) ?? this.#add(device.id);
      card.show(device);
      if (card === place) place = place.nextElementSibling;
      else this.#element.insertBefore(card, place);
    }
  }

  /**
   * Draw the charts in view.
   * @param {import("./chart.js").View} view
   */
  draw(view) {
    for (const card of this.#inView) card.draw(view);
  }

  /**
   * Bring the words of all charts up to date, also of those out of view: someone may hear the page instead of seeing it.
   * @param {import("./chart.js").View} view
   */
  drawWords(view) {
    for (const card of this.#cards.values()) card.drawWords(view);
  }

  /** Draw the charts in view once more as they are, because the colours changed. */
  redraw() {
    this.#redraw([...this.#inView]);
  }

  /**
   * Find the value scale that all charts share.
   * @param {number} from epoch seconds
   * @param {number} to epoch seconds
   * @returns {[number, number] | null}
   */
  range(from, to) {
    const now = performance.now();
    if (now - this.#rangeAt < RANGE_EVERY_MS) return this.#range;
    this.#rangeAt = now;
    const extents = [...this.#cards.values()].map((card) => extent(card.device.series, from, to));
    this.#range = extents.reduce(union, null);
    return this.#range;
  }

  /** Forget the common scale, because another field is shown. */
  forgetRange() {
    this.#rangeAt = -Infinity;
  }

  #add(id) {
    const card = document.createElement("live-chart");
    this.#cards.set(id, card);
    this.#watchView.observe(card);
    this.#watchSize.observe(card);
    return card;
  }

  #remove(id, card) {
    this.#watchView.unobserve(card);
    this.#watchSize.unobserve(card);
    this.#inView.delete(card);
    this.#cards.delete(id);
    card.remove();
  }

  #viewChanged(entries) {
    const came = [];
    for (const { target, isIntersecting } of entries) {
      if (!isIntersecting || !target.isConnected) this.#inView.delete(target);
      else {
        this.#inView.add(target);
        came.push(target.device.id);
      }
    }
    if (came.length) this.#onSeen(came);
  }

  #redraw(cards) {
    for (const card of cards) if (this.#inView.has(card)) card.redraw();
  }
}
