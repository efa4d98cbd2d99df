import "./series-table.js";
import { ApiError, getJson } from "../charts/api.js";
import { listenToKeys } from "../charts/keys.js";
import { isEmpty, layOut, withoutSilent } from "./answer.js";
import { Controls } from "./controls.js";
import { ExportMenu, exportsOf } from "./export-menu.js";
import { firstChoice, firstRange } from "./first-choice.js";
import { Follower } from "./follower.js";
import { canForecast, forecastPath, forecastWords, horizonOf, withForecast } from "./forecast.js";
import { Guidance } from "./guidance.js";
import { listenToCopying, listenToMenus } from "./menus.js";
import { Pickers } from "./pickers.js";
import { between, bounds, isRelative, scaled, secondsOf, shifted } from "./range.js";
import { browserZone } from "../charts/zone.js";
import { SeriesReader, pointsWanted } from "./reader.js";
import { Shown } from "./shown.js";
import { DEFAULTS, addressOf, isComplete, readState } from "./state.js";
import { Together, togetherPath } from "./together.js";
import { ViewsMenu } from "./views-menu.js";
import { plural, rangeWords } from "./words.js";
import { ZoomStack } from "./zoom-stack.js";

/** The explorer: what is chosen stands in the address, is asked of the API, and is shown as charts or as a table. */
class ExplorePage {
  #part = (id) => document.getElementById(id);
  #state = readState(location.search);
  #zooms = new ZoomStack();
  #reader = new SeriesReader();
  #answer = null;
  #forecast = null; // what comes, or the error that says why nobody knows
  #isOurChoice = false; // until somebody chooses, or it has been answered
  #asked = { points: 0, zone: browserZone() };
  #follower;
  #controls;
  #pickers;
  #guidance;
  #shown;
  #together;

  async start() {
    this.#guidance = new Guidance(this.#part, {
      onRange: (range) => this.#showRange(range), onChoice: (choice) => this.#choose(choice), onRetry: () => this.#load(),
    });
    this.#controls = new Controls(this.#part, {
      onChoice: (choice) => this.#choose(choice), onRange: (range) => this.#showRange(range), onUndo: () => this.#undo(),
      onShift: (share) => this.#showRange(shifted(this.#state.range, this.#follower.now, share)),
      onScale: (factor) => this.#showRange(scaled(this.#state.range, this.#follower.now, factor)),
    });
    this.#pickers = new Pickers(this.#part, (choice) => this.#choose(choice), (error) => this.#failed(error));
    this.#follower = new Follower({
      onAnswer: (answer) => this.#receive(answer), onStale: () => this.#load(true), onError: (error) => this.#failed(error),
    });
    this.#shown = new Shown(this.#part, { onZoom: (from, to) => this.#showRange(between(from, to)), onUndo: () => this.#undo() });
    this.#together = new Together(this.#part);
    new ExportMenu(this.#part, () => this.#exports());
    new ViewsMenu(this.#part, () => addressOf(this.#state), (query) => this.#open(query));
    this.#part("choose").open = matchMedia("(min-width: 64rem)").matches;
    this.#listen();
    this.#controls.show(this.#state, false);
    await this.#begin();
  }

  #listen() {
    listenToMenus();
    listenToCopying();
    window.addEventListener("popstate", () => this.#open(location.search, false));
    const help = this.#part("help");
    this.#part("show-help").addEventListener("click", () => help.showModal());
    listenToKeys({
      ArrowLeft: () => this.#controls.shift(-1), ArrowRight: () => this.#controls.shift(1), "+": () => this.#controls.scale(-1),
      "-": () => this.#controls.scale(1), Backspace: () => this.#undo(), t: () => this.#controls.toggleView(),
      l: () => this.#controls.toggleLive(), "/": () => this.#pickers.focusDevices(), "?": () => help.showModal(),
    });
  }

  /** Learn what there is; without a wish in the address, show something rather than nothing. */
  async #begin() {
    try {
      await this.#pickers.load();
    } catch (error) {
      this.#failed(error);
      return;
    }
    if (location.search.length < 2) {
      this.#isOurChoice = true;
      this.#beginWith(firstChoice(this.#pickers.options));
    } else this.#refresh();
  }

  #beginWith(choice) {
    this.#state = { ...this.#state, ...choice };
    history.replaceState(null, "", addressOf(this.#state));
    this.#refresh();
  }

  #choose(choice) {
    if (!choice.range && !("view" in choice) && !("live" in choice)) this.#zooms.clear();
    this.#change(choice);
  }

  #showRange(range) {
    this.#zooms.push(this.#state.range);
    this.#change({ range });
  }

  #undo() {
    const range = this.#zooms.pop();
    if (range) this.#change({ range });
  }

  #change(choice) {
    this.#isOurChoice = false;
    this.#state = { ...this.#state, ...choice };
    if (!isRelative(this.#state.range)) this.#state.live = false;
    history.pushState(null, "", addressOf(this.#state));
    this.#refresh("view" in choice);
  }

  #open(query, isNew = true) {
    this.#isOurChoice = false;
    this.#state = { ...DEFAULTS, ...readState(query) };
    this.#zooms.clear();
    if (isNew) history.pushState(null, "", addressOf(this.#state));
    this.#refresh();
  }

  /** Show what is chosen; with another view only, of what is there already. */
  #refresh(viewOnly = false) {
    this.#controls.show(this.#state, !this.#zooms.isEmpty);
    this.#pickers.show(this.#state);
    if (viewOnly && this.#answer) this.#receive(this.#answer);
    else this.#load();
  }

  async #load(quietly = false) {
    this.#follower.stop();
    if (!quietly) this.#guidance.clear();
    if (!isComplete(this.#state)) {
      this.#nothingToAsk();
      return;
    }
    const state = this.#state;
    const points = pointsWanted(state, this.#shown.width, (model) => this.#pickers.devicesOf(model));
    if (!quietly) this.#shown.busy(true);
    try {
      const answer = await this.#reader.read(state, points);
      if (!answer) return;
      if (this.#isOurChoice) {
        this.#isOurChoice = false;
        const range = firstRange(answer);
        if (range.duration !== state.range.duration) {
          this.#beginWith({ range });
          return;
        }
      }
      this.#asked.points = points;
      if (isRelative(state.range)) this.#follower.observe(answer);
      this.#guidance.clear();
      if (!quietly) this.#forecast = null;
      this.#receive(answer);
      this.#readForecast(state);
      this.#follower.follow(state, answer);
      if (!quietly) this.#announce(answer);
    } catch (error) {
      this.#failed(error);
    }
  }

  /** Read what comes, after what was is shown: it takes longer. */
  async #readForecast(state) {
    if (!state.forecast || !canForecast(state)) return;
    const found = await getJson(forecastPath(state)).catch((error) => {
      if (error instanceof ApiError) return error;
      throw error;
    });
    if (state !== this.#state || !this.#answer) return;
    this.#forecast = found;
    this.#receive(this.#answer);
  }

  #receive(answer) {
    this.#answer = answer;
    let shown = this.#state.devices[0] === "*" ? withoutSilent(answer) : answer;
    let [start, end] = this.#bounds(answer);
    if (this.#forecast instanceof ApiError) shown = { ...shown, note: `No forecast: ${this.#forecast.message}` };
    else if (this.#forecast && this.#state.view === "chart") {
      shown = { ...withForecast(shown, this.#forecast), note: forecastWords(this.#forecast) };
      end += horizonOf(this.#state);
    }
    this.#shown.show(shown, layOut(shown), [start, end], this.#state);
    this.#together.show(togetherPath(this.#state, answer, secondsOf(this.#state.range.duration ?? "")));
    if (isEmpty(answer)) this.#guidance.noReadings(this.#state, rangeWords(this.#state.range));
  }

  #bounds(answer) {
    return isRelative(this.#state.range)
      ? bounds(this.#state.range, Date.parse(answer.end) / 1000) : [this.#state.range.start, this.#state.range.end];
  }

  #nothingToAsk() {
    this.#reader.stop();
    this.#answer = null;
    this.#shown.clear();
    this.#together.show(null);
    if (this.#pickers.options.models.length) this.#guidance.incomplete(this.#state);
    else this.#guidance.nothingThere();
  }

  #exports() {
    if (!this.#answer) return [];
    const [start, end] = [this.#answer.start, this.#answer.end].map((text) => Date.parse(text) / 1000);
    return exportsOf({ ...this.#state, range: { start, end } }, this.#asked);
  }

  #announce(answer) {
    const what = `${plural(answer.rows, "point")} of ${answer.series.length} series`;
    this.#part("announcement").textContent = answer.rows ? `${rangeWords(this.#state.range)}: ${what}.` : "";
  }

  #failed(error) {
    if (!(error instanceof ApiError)) throw error;
    this.#shown.busy(false);
    if (error.needsLogin) {
      const next = encodeURIComponent(location.pathname + location.search);
      location.assign(`${this.#part("explore-page").dataset.login}?next=${next}`);
    } else this.#guidance.problem(error);
  }
}

new ExplorePage().start();
