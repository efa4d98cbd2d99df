import { ApiError, getJson } from "../charts/api.js";
import { isRelative } from "./range.js";
import { splitField } from "./state.js";

const NUMBERS = ["number", "integer"];
/** By what part of the range one of the two may be ahead. */
const SHARE_OF_LAG = 1 / 4;

/**
 * @param {import("./state.js").State} state
 * @param {import("./answer.js").Answer} answer
 * @param {number} seconds that the range is long
 * @returns {string | null} the address at which the API says whether two numbers go together; null unless it is clear which two
 */
export function togetherPath(state, answer, seconds) {
  if (state.fields.length !== 2 || !isRelative(state.range) || state.tags.length > 0) return null;
  const query = new URLSearchParams();
  for (const [index, name] of ["a", "b"].entries()) {
    const [model, field] = splitField(state.fields[index]);
    const of = answer.series.filter((series) => series.model === model && series.field === field && series.shift_s === 0);
    if (!of.length || !of.every(({ kind }) => NUMBERS.includes(kind))) return null;
    query.set(name, state.fields[index]);
    if (state.devices[0] === "*") continue;
    if (of.length !== 1 || of[0].device === null) return null;
    query.set(`device_${name}`, of[0].device);
  }
  query.set("duration", state.range.duration);
  query.set("max_lag", `${Math.round(seconds * SHARE_OF_LAG)}s`);
  return `/api/v1/correlation?${query}`;
}

/**
 * @param {{sentence: string, step_s: number, without_day: {r: number, is_more_than_chance: boolean} | null}} found
 * @returns {string} what was found, and what of it the time of day explains
 */
export function togetherWords({ sentence, without_day: without }) {
  if (!without) return sentence;
  const left = without.is_more_than_chance ? `${without.r.toFixed(2)} is left` : "nothing is left that is more than chance";
  return `${sentence} Without the rhythm of a day ${left}.`;
}

/** Below the charts of two numbers: whether they go together, told when somebody wants to know. */
export class Together {
  #part;
  #path = null;
  #told = null;

  /** @param {(id: string) => HTMLElement} part finds an element of the page */
  constructor(part) {
    this.#part = part;
    part("together").addEventListener("toggle", () => this.#tell());
  }

  /** @param {string | null} path where the API says it; null when it cannot be asked */
  show(path) {
    this.#path = path;
    this.#part("together").hidden = path === null;
    this.#tell();
  }

  async #tell() {
    const path = this.#path;
    if (path === null || !this.#part("together").open || this.#told === path) return;
    this.#told = path;
    this.#say("Comparing …", "");
    try {
      const found = await getJson(path);
      if (path === this.#path) this.#say(togetherWords(found), found.caution);
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      if (path === this.#path) this.#say(error.message, "");
    }
  }

  #say(words, caution) {
    this.#part("together-words").textContent = words;
    this.#part("together-caution").textContent = caution;
  }
}
