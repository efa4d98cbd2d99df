const SMALLEST_SEARCH_DELAY_MS = 120;

/**
 * @typedef {Object} ToolbarEvents
 * @property {() => void} onWindow
 * @property {() => void} onField
 * @property {() => void} onModel
 * @property {() => void} onScale
 * @property {() => void} onSearch
 * @property {() => void} onPause
 */

/** The controls above the charts. They change the choices and tell the page; they decide nothing. */
export class Toolbar {
  #choices;
  #part;
  #icon;

  /**
   * @param {(id: string) => HTMLElement} part finds an element of the page
   * @param {import("./choices.js").Choices} choices
   * @param {ToolbarEvents} events
   */
  constructor(part, choices, events) {
    this.#part = part;
    this.#choices = choices;
    this.#icon = part("pause").querySelector("use");
    part("windows").addEventListener("change", (event) => this.#change("window", event.target.value, events.onWindow));
    part("field").addEventListener("change", (event) => this.#change("field", event.target.value, events.onField));
    part("model").addEventListener("change", (event) => this.#change("model", event.target.value, events.onModel));
    part("scale").addEventListener("click", () => this.#change("sameScale", !choices.sameScale, events.onScale));
    part("pause").addEventListener("click", events.onPause);
    let timer = 0;
    part("search").addEventListener("input", () => {
      clearTimeout(timer);
      timer = setTimeout(events.onSearch, SMALLEST_SEARCH_DELAY_MS);
    });
    this.#showChoices();
  }

  /** @returns {string} what was typed into the search, in lower case */
  get search() {
    return this.#part("search").value.trim().toLowerCase();
  }

  /** @param {string[]} models those that have devices; a single one needs no choice */
  showModels(models) {
    setOptions(this.#part("model"), models.map((model) => [model, model]), this.#choices.model);
    this.#part("model-choice").hidden = models.length < 2;
  }

  /**
   * @param {string[]} names
   * @param {Map<string, import("./store.js").Field>} fields
   */
  showFields(names, fields) {
    const label = (name) => {
      const { label: text, unit } = fields.get(name);
      return unit ? `${text || name} (${unit})` : text || name;
    };
    setOptions(this.#part("field"), names.map((name) => [name, label(name)]), this.#choices.field);
  }

  /**
   * @param {boolean} paused
   * @param {number} count readings that came since
   */
  showPause(paused, count) {
    const address = this.#icon.getAttribute("href").split("#")[0];
    this.#icon.setAttribute("href", `${address}#${paused ? "play" : "pause"}`);
    this.#part("pause").title = paused ? "Resume (p)" : "Pause (p)";
    this.#part("pause").classList.toggle("is-paused", paused);
    this.#part("pause-word").textContent = paused ? "Resume" : "Pause";
    this.#part("new-count").hidden = !paused;
    this.#part("new-count").textContent = `${count} new`;
  }

  /** @param {string} name of a window, as by its key */
  chooseWindow(name) {
    this.#part("windows").querySelector(`[value="${name}"]`)?.click();
  }

  #change(choice, value, tell) {
    this.#choices[choice] = value;
    this.#choices.save();
    this.#showChoices();
    tell();
  }

  #showChoices() {
    const { window, sameScale } = this.#choices;
    this.#part("windows").querySelector(`[value="${window}"]`).checked = true;
    this.#part("scale").setAttribute("aria-pressed", String(sameScale));
  }
}

function setOptions(select, options, chosen) {
  const state = JSON.stringify(options);
  if (select.dataset.state !== state) {
    select.dataset.state = state;
    select.replaceChildren(...options.map(([value, text]) => new Option(text, value)));
  }
  select.value = chosen;
}
