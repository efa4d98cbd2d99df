import { getJson } from "../charts/api.js";
import { absolute, ago } from "../charts/format.js";
import { fieldsByModel } from "./state.js";

/** The stretch around a device's newest reading that is shown when somebody asks for it. */
const AROUND_S = 3600;

/**
 * @typedef {{text: string, run?: () => void, href?: string}} Act something that helps
 * @typedef {Object} GuidanceEvents
 * @property {(range: import("./range.js").Range) => void} onRange
 * @property {(choice: Partial<import("./state.js").State>) => void} onChoice
 * @property {() => void} onRetry
 */

/** What stands in the place of charts: why there are none, and what to do next. */
export class Guidance {
  #part;
  #events;
  #round = 0;

  /**
   * @param {(id: string) => HTMLElement} part finds an element of the page
   * @param {GuidanceEvents} events
   */
  constructor(part, events) {
    [this.#part, this.#events] = [part, events];
  }

  /** Show nothing of it. */
  clear() {
    this.#round += 1;
    this.#part("empty").hidden = true;
    this.#part("problem").hidden = true;
  }

  /** There is no model, so there is nothing to choose. */
  nothingThere() {
    this.#say("Nothing has been stored yet", "As soon as a device has sent something that a data model is for, it can be explored here. "
      + "The live page says how to send a first reading.", [{ text: "Open the live page", href: "/" }]);
  }

  /** Something is still to be chosen. */
  incomplete(state) {
    const missing = state.fields.length === 0 ? "field" : "device";
    this.#say(`Choose a ${missing}`, missing === "field" ? "Tick one or more fields under “What is shown”. Fields of different models can be "
      + "shown together." : "Tick the devices whose readings you want to see, or all of them.", [
      { text: `Choose a ${missing}`, run: () => this.#open(missing) },
      ...(missing === "device" ? [{ text: "All that sent in this time", run: () => this.#events.onChoice({ devices: ["*"] }) }] : []),
    ]);
  }

  /**
   * There is no reading in the range.
   * @param {import("./state.js").State} state
   * @param {string} words of the range
   */
  async noReadings(state, words) {
    this.#round += 1;
    const round = this.#round;
    const acts = ["24h", "7d", "365d"].map((duration) => (
      { text: { "24h": "Last 24 h", "7d": "Last 7 days", "365d": "Last year" }[duration], run: () => this.#events.onRange({ duration }) }
    ));
    const heading = "No reading in this time";
    this.#say(heading, `${words}: none of what is chosen was stored.`, acts);
    const newest = await newestOf(state);
    if (round !== this.#round || this.#part("empty").hidden || !newest) return;
    const range = { start: newest.ts - AROUND_S, end: newest.ts + AROUND_S / 10 };
    this.#say(heading, `${words}: none of what is chosen was stored. The newest reading came from ${newest.device} `
      + `${ago(Date.now() / 1000 - newest.ts)}, at ${absolute(newest.ts).slice(0, 19)}.`,
      [{ text: "Show the hour before it", run: () => this.#events.onRange(range) }, ...acts]);
  }

  /**
   * Say what went wrong, and what helps.
   * @param {import("../charts/api.js").ApiError} error
   */
  problem(error) {
    const element = this.#part("problem");
    const [text, acts] = this.#remedy(error);
    element.replaceChildren(text, " ", ...acts.flatMap((act) => [button(act), " "]));
    element.hidden = false;
  }

  #remedy(error) {
    const again = { text: "Try again", run: this.#events.onRetry };
    const sentence = `${error.message.replace(/\.$/, "")}.`;
    if (error.status === 0) return ["The site does not answer. Is manage.py up still running?", [again]];
    if (["too_slow", "too_many_readings"].includes(error.code)) {
      return [sentence, [
        { text: "Let the page choose the points", run: () => this.#events.onChoice({ bucket: "auto" }) },
        { text: "Last 1 h", run: () => this.#events.onRange({ duration: "1h" }) }, again,
      ]];
    }
    if (error.status === 403) return [`${sentence} Somebody with the role Admin can give it to you.`, []];
    if (error.status >= 500) return [`The site answers with an error (HTTP ${error.status}): ${sentence}`, [again, { text: "Is everything well?", href: "/readyz" }]];
    return [`This cannot be shown. ${sentence} Choose something else, or go back.`, [{ text: "Go back", run: () => history.back() }]];
  }

  #say(heading, text, acts) {
    this.#part("empty-heading").textContent = heading;
    this.#part("empty-text").textContent = text;
    this.#part("empty-acts").replaceChildren(...acts.map(button));
    this.#part("empty").hidden = false;
  }

  #open(what) {
    this.#part("choose").open = true;
    this.#part(`${what}s`).querySelector("input:not([hidden])")?.focus();
  }
}

/** @param {Act} act */
function button({ text, run, href }) {
  if (href) return Object.assign(document.createElement("a"), { className: "btn btn-sm", href, textContent: text });
  const element = Object.assign(document.createElement("button"), { type: "button", className: "btn btn-sm", textContent: text });
  element.addEventListener("click", run);
  return element;
}

/** Which of the chosen devices was heard from last; null when none was, or the site cannot say. */
async function newestOf(state) {
  const rows = await getJson("/api/devices/status").catch(() => []);
  const models = fieldsByModel(state);
  const isChosen = ({ device_id: id, model, last_seen: seen }) => (
    seen && models.has(model) && (state.devices[0] === "*" || state.devices.length === 0 || state.devices.includes(id))
  );
  const found = rows.filter(isChosen).map((row) => ({ device: row.device_id, ts: Date.parse(row.last_seen) / 1000 }));
  return found.sort((a, b) => b.ts - a.ts)[0] ?? null;
}
