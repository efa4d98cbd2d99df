/** Lists longer than this can be searched. */
const SEARCHED = 10;

/**
 * A choice that can be ticked.
 * @typedef {{value: string, text: string, group?: string}} Choice
 */

/** A list of choices to tick, in groups, with a search above it when it is long. What is ticked stays in sight. */
export class Picker {
  #list = document.createElement("div");
  #note = Object.assign(document.createElement("p"), { className: "picker-note" });
  #choices = [];
  #chosen = [];
  #search;
  #onChange;
  #onSearch;

  /**
   * @param {HTMLElement} element a fieldset
   * @param {{what: string, most: number, onChange: (chosen: string[]) => void, onSearch?: (text: string) => void}} options `what` as in
   *   "device"; at most so many can be ticked; with `onSearch` somebody else finds the choices that a text stands for
   */
  constructor(element, { what, most, onChange, onSearch }) {
    [this.#onChange, this.#onSearch, this.most] = [onChange, onSearch, most];
    this.#search = Object.assign(document.createElement("input"), {
      type: "search", className: "form-control form-control-sm", placeholder: `Find a ${what}`, autocomplete: "off", spellcheck: false,
      hidden: true,
    });
    this.#search.setAttribute("aria-label", this.#search.placeholder);
    this.#list.className = "picker-list";
    element.append(this.#search, this.#list, this.#note);
    this.#search.addEventListener("input", () => this.#searched());
    this.#list.addEventListener("change", (event) => this.#ticked(event.target));
  }

  /** @returns {string} what is searched for */
  get search() {
    return this.#search.value.trim();
  }

  /** Move the keyboard to the search, or to the first choice where there is none. */
  focus() {
    if (this.#search.hidden) this.#list.querySelector("input")?.focus();
    else this.#search.focus();
  }

  /**
   * @param {Choice[]} choices
   * @param {string[]} chosen
   * @param {boolean} hasMore whether there are choices beside these
   */
  show(choices, chosen, hasMore = false) {
    [this.#choices, this.#chosen] = [choices, chosen];
    this.#search.hidden = choices.length <= SEARCHED && !hasMore && !this.search;
    this.#note.textContent = hasMore ? "There are more: search for them." : "";
    this.#draw();
  }

  #draw() {
    const sought = this.#onSearch ? "" : this.search.toLowerCase();
    const found = this.#choices.filter(({ value, text }) => `${value} ${text}`.toLowerCase().includes(sought) || this.#chosen.includes(value));
    const state = JSON.stringify([found, this.#chosen]);
    if (state === this.#list.dataset.state) return;
    this.#list.dataset.state = state;
    const focused = this.#list.contains(document.activeElement) ? document.activeElement.value : null;
    const nodes = [];
    let group = "";
    for (const choice of found) {
      if (choice.group && choice.group !== group) nodes.push(heading(choice.group));
      group = choice.group ?? "";
      nodes.push(this.#row(choice));
    }
    this.#list.replaceChildren(...nodes);
    if (!found.length) this.#list.textContent = this.search ? "Nothing is called so." : "There is none yet.";
    if (focused !== null) this.#list.querySelector(`input[value="${CSS.escape(focused)}"]`)?.focus();
  }

  #row({ value, text, group }) {
    const label = document.createElement("label");
    const box = Object.assign(document.createElement("input"), { type: "checkbox", value, checked: this.#chosen.includes(value) });
    box.disabled = !box.checked && this.#chosen.length >= this.most;
    label.title = box.disabled ? `At most ${this.most} at once` : group ? `${group}: ${text}` : text;
    label.append(box, Object.assign(document.createElement("span"), { textContent: text }));
    return label;
  }

  #ticked(box) {
    const chosen = this.#chosen.filter((value) => value !== box.value);
    this.#onChange(box.checked ? [...chosen, box.value] : chosen);
  }

  #searched() {
    if (this.#onSearch) this.#onSearch(this.search);
    else this.#draw();
  }
}

function heading(text) {
  return Object.assign(document.createElement("p"), { className: "picker-group", textContent: text });
}
