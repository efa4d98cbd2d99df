import { ApiError, getJson, sendJson } from "../charts/api.js";
import { clockTime } from "../charts/format.js";
import { browserZone } from "../charts/zone.js";
import { rowOf } from "./finding-row.js";
import { VERDICTS, kindWord, watchWords } from "./words.js";

const AGAIN_MS = 10_000;
const NAMES = ["device", "model", "field", "kind", "open"];

/** The list of findings: which of them stands in the address; the first page is read again and again. */
class FindingsPage {
  #part = (id) => document.getElementById(id);
  #findings = [];
  #next = null;
  #timer = 0;
  #mayWait = true; // only the first page is read again: who reads on wants it to stay

  start() {
    for (const option of document.querySelectorAll("[data-kind]")) option.textContent = kindWord(option.value);
    this.#part("filters").addEventListener("submit", (event) => this.#filter(event));
    this.#part("show-more").addEventListener("click", () => this.#more());
    window.addEventListener("popstate", () => this.#open());
    this.#open();
  }

  #open() {
    const query = new URLSearchParams(location.search);
    for (const name of NAMES) this.#part("filters").elements[name].value = query.get(name) ?? "";
    this.#mayWait = true;
    this.#read().then(() => this.#goToTheOneInTheAddress());
  }

  #filter(event) {
    event.preventDefault();
    history.pushState(null, "", `${location.pathname}?${this.#query()}`);
    this.#open();
  }

  #query() {
    const chosen = NAMES.map((name) => [name, this.#part("filters").elements[name].value.trim()]);
    return new URLSearchParams(chosen.filter(([, value]) => value));
  }

  #asked() {
    const query = this.#query();
    query.set("zone", browserZone());
    return query;
  }

  async #read() {
    clearTimeout(this.#timer);
    try {
      const [page, watch] = await Promise.all([getJson(`/api/v1/findings?${this.#asked()}`), getJson("/api/v1/watch")]);
      this.#part("problem").hidden = true;
      this.#part("state").textContent = watchWords(watch, (text) => clockTime(Date.parse(text) / 1000, false));
      if (this.#mayWait) {
        [this.#findings, this.#next] = [page.results, page.next];
        this.#show();
      }
    } catch (error) {
      this.#failed(error);
    } finally {
      clearTimeout(this.#timer);
      this.#timer = setTimeout(() => this.#read(), AGAIN_MS * (0.75 + Math.random() / 2));
    }
  }

  async #more() {
    const query = this.#asked();
    query.set("before", this.#next);
    try {
      const page = await getJson(`/api/v1/findings?${query}`);
      this.#mayWait = false;
      [this.#findings, this.#next] = [[...this.#findings, ...page.results], page.next];
      this.#show();
    } catch (error) {
      this.#failed(error);
    }
  }

  #show() {
    const isBusy = this.#part("list").contains(document.activeElement);
    const made = JSON.stringify(this.#findings);
    this.#part("empty").hidden = this.#findings.length > 0;
    this.#part("more").hidden = this.#next === null;
    if (made === this.#part("list").dataset.made || (isBusy && this.#part("list").dataset.made)) return;
    this.#part("list").dataset.made = made;
    const maySay = this.#part("findings-page").dataset.maySay === "1";
    const rows = this.#findings.map((finding) => rowOf(finding, maySay ? (verdict) => this.#say(finding, verdict) : null));
    this.#part("list").replaceChildren(...rows);
  }

  async #say(finding, verdict) {
    try {
      const answer = await sendJson("POST", `/api/v1/findings/${finding.id}/feedback`, { verdict });
      const place = this.#findings.findIndex(({ id }) => id === finding.id);
      this.#findings[place] = { ...this.#findings[place], feedback: answer.feedback };
      document.activeElement.blur();
      this.#show();
      const said = verdict === null ? "Taken back" : `Said: ${VERDICTS[verdict]}`;
      this.#part("announcement").textContent = `${said}. Sensitivity of this series: ${answer.sensitivity}.`;
    } catch (error) {
      this.#failed(error);
    }
  }

  #goToTheOneInTheAddress() {
    const row = /^#finding-\d+$/.test(location.hash) ? document.querySelector(location.hash) : null;
    row?.classList.add("is-meant");
    row?.scrollIntoView({ block: "center" });
  }

  #failed(error) {
    if (!(error instanceof ApiError)) throw error;
    if (error.needsLogin) {
      const next = encodeURIComponent(location.pathname + location.search);
      location.assign(`${this.#part("findings-page").dataset.login}?next=${next}`);
      return;
    }
    this.#part("problem").textContent = `The findings cannot be read just now: ${error.message}`;
    this.#part("problem").hidden = false;
  }
}

new FindingsPage().start();
