import { getJson } from "../charts/api.js";
import { unitSymbol } from "../charts/format.js";
import { Picker } from "./picker.js";
import { MOST_FIELDS, fieldsByModel } from "./state.js";

/** Of a great many devices so many are listed at first; a search finds the others. */
const LISTED = 50;
const MOST_DEVICES = 100;
const MOST_TAGS = 20;
const SEARCH_AFTER_MS = 200;
const ALL = { value: "*", text: "All that sent in this time" };

/**
 * @typedef {Object} Options what there is to choose from, as the API says it
 * @property {{name: string, devices: number, fields: {name: string, label: string, unit: string, kind: string}[]}[]} models each with how
 *   many devices sent readings of it
 * @property {{name: string, model: string, tags: string[]}[]} devices
 * @property {boolean} more_devices whether there are devices beside these
 * @property {string[]} tags
 */

/** The lists of fields, devices and tags. They say what was chosen and decide nothing. */
export class Pickers {
  #part;
  #fields;
  #devices;
  #tags;
  #options = { models: [], devices: [], more_devices: false, tags: [] };
  #state = null;
  #timer = 0;
  #onError;

  /**
   * @param {(id: string) => HTMLElement} part finds an element of the page
   * @param {(choice: Partial<import("./state.js").State>) => void} onChange
   * @param {(error: import("../charts/api.js").ApiError) => void} onError
   */
  constructor(part, onChange, onError) {
    [this.#part, this.#onError] = [part, onError];
    this.#fields = new Picker(part("fields"), { what: "field", most: MOST_FIELDS, onChange: (fields) => onChange({ fields }) });
    this.#devices = new Picker(part("devices"), {
      what: "device", most: MOST_DEVICES, onChange: (devices) => onChange({ devices: this.#exclusive(devices) }),
      onSearch: () => this.#searchSoon(),
    });
    this.#tags = new Picker(part("tags"), { what: "tag", most: MOST_TAGS, onChange: (tags) => onChange({ tags }) });
  }

  /** @returns {Options} what is known so far */
  get options() {
    return this.#options;
  }

  /** Ask what there is. @throws {import("../charts/api.js").ApiError} */
  async load() {
    this.#options = await this.#ask();
  }

  /** @param {import("./state.js").State} state */
  show(state) {
    this.#state = state;
    const { models, tags } = this.#options;
    const name = ({ name: value, label, unit }) => (unit ? `${label || value} (${unitSymbol(unit)})` : label || value);
    const choices = models.flatMap((model) => model.fields.map((field) => (
      { value: `${model.name}.${field.name}`, text: name(field), group: model.name }
    )));
    this.#fields.show(withChosen(choices, state.fields), state.fields);
    this.#showDevices();
    this.#part("tags").hidden = tags.length === 0 && state.tags.length === 0;
    this.#tags.show(withChosen(tags.map((tag) => ({ value: tag, text: tag })), state.tags), state.tags);
    this.#part("chosen-words").textContent = this.#words();
  }

  /** Move the keyboard to where a device is found. */
  focusDevices() {
    this.#part("choose").open = true;
    this.#devices.focus();
  }

  /** @returns {number} how many devices a model has */
  devicesOf(model) {
    return this.#options.models.find(({ name }) => name === model)?.devices ?? 0;
  }

  #showDevices() {
    const models = fieldsByModel(this.#state);
    const ofModels = this.#options.devices.filter(({ model }) => models.size === 0 || models.has(model));
    const names = [...new Set(ofModels.map(({ name }) => name))];
    const { devices } = this.#state;
    const others = devices.filter((name) => name !== "*" && !names.includes(name));
    const listed = [...others, ...names].map((name) => ({ value: name, text: name }));
    this.#devices.show([ALL, ...listed], devices, this.#options.more_devices);
  }

  #words() {
    const { fields, devices, tags } = this.#state;
    const texts = fields.map((field) => field.slice(field.indexOf(".") + 1));
    const whose = devices[0] === "*" ? ["all devices"] : devices.length > 2 ? [`${devices.length} devices`] : devices;
    const tagged = tags.length ? [`tagged ${tags.join(" or ")}`] : [];
    return texts.length ? `${texts.join(", ")} of ${[...whose, ...tagged].join(" ") || "nothing yet"}` : "nothing yet";
  }

  /** "All" and single devices exclude each other; the newer choice wins. */
  #exclusive(devices) {
    return devices.at(-1) === "*" ? ["*"] : devices.filter((name) => name !== "*");
  }

  #searchSoon() {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#searchNow(), SEARCH_AFTER_MS);
  }

  async #searchNow() {
    const sought = this.#devices.search;
    try {
      const options = await this.#ask();
      if (sought !== this.#devices.search) return;
      this.#options = options;
      this.#showDevices();
    } catch (error) {
      this.#onError(error);
    }
  }

  async #ask() {
    const query = new URLSearchParams({ limit: String(LISTED) });
    if (this.#devices.search) query.set("q", this.#devices.search);
    return getJson(`/api/v1/series/options?${query}`);
  }
}

/** What is chosen but not offered stays in sight: it may have gone since a view was saved. */
function withChosen(choices, chosen) {
  const offered = new Set(choices.map(({ value }) => value));
  return [...chosen.filter((value) => !offered.has(value)).map((value) => ({ value, text: value, group: "no longer there" })), ...choices];
}
