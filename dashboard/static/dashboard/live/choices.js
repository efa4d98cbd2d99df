/** The windows on offer, by the name they have in the address. */
export const WINDOWS = {
  "1m": { seconds: 60, label: "1 min" },
  "5m": { seconds: 300, label: "5 min" },
  "15m": { seconds: 900, label: "15 min" },
  "1h": { seconds: 3600, label: "1 h" },
};
const DEFAULT_WINDOW = "5m";

/** What somebody chose to see. It lives in the address of the page, so that a link shows the same. */
export class Choices {
  /** @param {string} search the query of the address */
  constructor(search = globalThis.location.search) {
    const query = new URLSearchParams(search);
    const window = query.get("window") ?? "";
    this.window = Object.hasOwn(WINDOWS, window) ? window : DEFAULT_WINDOW;
    this.model = query.get("model") ?? "";
    this.field = query.get("field") ?? "";
    this.sameScale = query.get("scale") !== "own";
  }

  get windowS() {
    return WINDOWS[this.window].seconds;
  }

  get windowLabel() {
    return WINDOWS[this.window].label;
  }

  /** @returns {string} the query that brings these choices back */
  get query() {
    const query = new URLSearchParams({ window: this.window });
    if (this.model) query.set("model", this.model);
    if (this.field) query.set("field", this.field);
    if (!this.sameScale) query.set("scale", "own");
    return `?${query}`;
  }

  /** Put the choices into the address without a new entry in the browser's history. */
  save() {
    globalThis.history.replaceState(null, "", this.query);
  }
}

/**
 * @param {(name: string) => void} choose
 * @returns {Record<string, () => void>} the keys 1 to 4, one for each window
 */
export function windowKeys(choose) {
  return Object.fromEntries(Object.keys(WINDOWS).map((name, index) => [String(index + 1), () => choose(name)]));
}
