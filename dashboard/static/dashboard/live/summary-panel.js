import { ApiError, getJson } from "../charts/api.js";
import { absolute, unitSymbol } from "../charts/format.js";
import { browserZone } from "../charts/zone.js";

const AGAIN_MS = 5 * 60_000; // a day's summary hardly changes from one minute to the next
const FEW = 10; // readings; a summary of fewer says nothing yet

/** What happened in the last 24 hours, in a few sentences, with the facts that they rest on. */
export class SummaryPanel {
  #part;
  #model = "";
  #timer = 0;

  /** @param {(id: string) => HTMLElement} part */
  constructor(part) {
    this.#part = part;
  }

  /** @param {string} model whose summary is shown; it is read again every few minutes */
  follow(model) {
    this.#model = model;
    this.#part("told").hidden = model === "";
    clearTimeout(this.#timer);
    if (model) this.#read();
  }

  async #read() {
    const model = this.#model;
    try {
      const answer = await getJson(`/ai/summary?${new URLSearchParams({ window: "24h", model, zone: browserZone() })}`);
      if (model === this.#model) this.#show(answer);
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      if (model === this.#model) this.#say(`There is no summary just now: ${error.message}`);
    } finally {
      clearTimeout(this.#timer);
      if (this.#model) this.#timer = setTimeout(() => this.#read(), AGAIN_MS * (0.75 + Math.random() / 2));
    }
  }

  #say(text) {
    this.#part("told-text").textContent = text;
    this.#part("told-more").hidden = true;
  }

  #show(answer) {
    if (readingsOf(answer.facts) < FEW) {
      this.#say("There are too few readings yet for a summary.");
      return;
    }
    this.#say(answer.summary);
    this.#part("told-more").hidden = false;
    const made = new Date(answer.generated_at).getTime() / 1000;
    this.#part("told-origin").textContent = `made ${absolute(made)}, engine: ${answer.engine}`;
    this.#part("told-facts").replaceChildren(...answer.facts.map(rowOf));
  }
}

/** How many readings a summary rests on. */
export function readingsOf(facts) {
  return facts.filter(({ name }) => name === "readings").reduce((sum, { value }) => sum + (value ?? 0), 0);
}

/** A fact as a row; every text in it is data, so it is only ever text. */
function rowOf(fact) {
  const row = document.createElement("tr");
  const when = [fact.at ? absolute(new Date(fact.at).getTime() / 1000) : fact.when, fact.device].filter(Boolean).join(", ");
  const sql = document.createElement("details");
  const code = document.createElement("pre");
  code.textContent = fact.sql;
  sql.append(Object.assign(document.createElement("summary"), { textContent: "SQL" }), code);
  for (const content of [fact.label, numberOf(fact), when, fact.readings.toLocaleString("en"), sql]) {
    const cell = document.createElement("td");
    cell.append(content);
    row.append(cell);
  }
  return row;
}

/** A fact's number with its unit, with more digits than the text has. */
export function numberOf({ value, unit }) {
  if (value === null) return "–";
  const number = value.toLocaleString("en", { maximumSignificantDigits: 8 });
  return unit ? `${number} ${unitSymbol(unit)}` : number;
}
