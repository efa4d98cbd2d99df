import { canForecast } from "./forecast.js";
import { PRESETS, between, bounds, fromInput, isRelative, toInput } from "./range.js";
import { BUCKETS, COMPARISONS, FUNCTIONS, GROUPS } from "./state.js";
import { rangeWords } from "./words.js";

/** By what part of the range an arrow goes through time. */
const STEP = 0.5;
const ZOOM = 2;

/**
 * @typedef {Object} ControlEvents
 * @property {(choice: Partial<import("./state.js").State>) => void} onChoice
 * @property {(range: import("./range.js").Range) => void} onRange
 * @property {(share: number) => void} onShift
 * @property {(factor: number) => void} onScale
 * @property {() => void} onUndo
 */

/** The controls above the charts: they show what is chosen and say what somebody chooses; they decide nothing. */
export class Controls {
  #part;
  #events;
  #state = null;

  /**
   * @param {(id: string) => HTMLElement} part finds an element of the page
   * @param {ControlEvents} events
   */
  constructor(part, events) {
    [this.#part, this.#events] = [part, events];
    for (const [id, choices] of [["bucket", BUCKETS], ["function", FUNCTIONS], ["by", GROUPS], ["compare", COMPARISONS]]) {
      part(id).append(...optionsOf(choices));
      part(id).addEventListener("change", () => events.onChoice({ [id]: part(id).value }));
    }
    part("forecast").addEventListener("change", () => events.onChoice({ forecast: part("forecast").checked }));
    part("range").append(...optionsOf(PRESETS));
    part("range").addEventListener("change", () => events.onRange({ duration: part("range").value }));
    part("view").addEventListener("change", (event) => events.onChoice({ view: event.target.value }));
    const acts = {
      earlier: () => this.shift(-1), later: () => this.shift(1), "zoom-in": () => this.scale(-1), "zoom-out": () => this.scale(1),
      undo: events.onUndo, live: () => this.toggleLive(),
    };
    for (const [id, act] of Object.entries(acts)) part(id).addEventListener("click", act);
    this.#listenToForm();
  }

  /**
   * @param {import("./state.js").State} state
   * @param {boolean} canUndo
   */
  show(state, canUndo) {
    this.#state = state;
    for (const id of ["bucket", "function", "by", "compare"]) choose(this.#part(id), state[id], state[id]);
    const range = isRelative(state.range) ? state.range.duration : "absolute";
    choose(this.#part("range"), range, rangeWords(state.range));
    this.#part("view").querySelector(`[value="${state.view}"]`).checked = true;
    this.#part("live").setAttribute("aria-pressed", String(state.live && isRelative(state.range)));
    const forecast = this.#part("forecast");
    forecast.checked = state.forecast;
    forecast.disabled = !state.forecast && !canForecast(state);
    forecast.parentElement.title = canForecast(state) ? "Draw what is expected to come" : "For one number of one device, up to now";
    this.#part("undo").disabled = !canUndo;
    this.#part("later").disabled = isRelative(state.range);
  }

  /** @param {1 | -1} direction later or earlier */
  shift(direction) {
    if (direction > 0 && isRelative(this.#state.range)) return;
    this.#events.onShift(direction * STEP);
  }

  /** @param {1 | -1} direction out or in */
  scale(direction) {
    this.#events.onScale(ZOOM ** direction);
  }

  /** Follow the newest readings, or stop. What is shown then ends now. */
  toggleLive() {
    const { live, range } = this.#state;
    const isOn = live && isRelative(range);
    this.#events.onChoice(isOn || isRelative(range) ? { live: !isOn } : { live: true, range: { duration: "15m" } });
  }

  toggleView() {
    this.#events.onChoice({ view: this.#state.view === "chart" ? "table" : "chart" });
  }

  #listenToForm() {
    const menu = this.#part("from-to");
    menu.addEventListener("toggle", () => {
      if (!menu.open) return;
      const [start, end] = bounds(this.#state.range, Date.now() / 1000);
      [this.#part("from").value, this.#part("to").value] = [toInput(start), toInput(end)];
      this.#part("from").focus();
    });
    this.#part("from-to-form").addEventListener("submit", (event) => {
      event.preventDefault();
      const ends = ["from", "to"].map((id) => fromInput(this.#part(id).value));
      if (ends.includes(null)) return;
      menu.open = false;
      this.#events.onRange(between(...ends));
    });
  }
}

function optionsOf(choices) {
  return Object.entries(choices).map(([value, text]) => new Option(text, value));
}

/** Select a choice; one that is not on offer, as from an address, is added while it is selected. */
function choose(select, value, text) {
  for (const option of select.querySelectorAll("[data-added]")) option.remove();
  if (![...select.options].some((option) => option.value === value)) {
    const option = new Option(text, value);
    option.dataset.added = "";
    select.append(option);
  }
  select.value = value;
}
