import "./connection-pill.js";
import "./latest-table.js";
import { ApiError, getJson } from "../charts/api.js";
import { listenToKeys } from "../charts/keys.js";
import { Choices, windowKeys } from "./choices.js";
import { LiveView } from "./live-view.js";
import { Problems } from "./problems.js";
import { LiveSocket } from "./socket.js";
import { SummaryPanel } from "./summary-panel.js";
import { Toolbar } from "./toolbar.js";

const POLL_S = { empty: 3, broken: 3, live: 15 };
const FALLBACK_MS = 3000;

/** The live dashboard: asks which devices there are, follows one model over the socket, and says how the connection is. */
class LivePage {
  #part = (id) => document.getElementById(id);
  #choices = new Choices();
  #problems = new Problems(this.#part("problem"));
  #connection = { name: "connecting" };
  #told = new SummaryPanel(this.#part);
  #wasLost = false;
  #apiDown = false;
  #pollTimer = 0;
  #rows = [];
  #socket;
  #toolbar;
  #view;

  start() {
    const { socketPath } = this.#part("live-page").dataset;
    const scheme = location.protocol === "https:" ? "wss:" : "ws:";
    this.#socket = new LiveSocket(`${scheme}//${location.host}${socketPath}`, {
      onState: (state) => this.#connectionChanged(state),
      onSnapshot: (frame) => this.#receiveSnapshot(frame),
      onFrame: (frame) => this.#receiveFrame(frame),
      onGap: () => this.#view.readAgain(),
      onError: (frame) => this.#problems.refusal(frame),
    });
    this.#toolbar = new Toolbar(this.#part, this.#choices, {
      onWindow: () => this.#view.windowChanged(),
      onField: () => this.#view.fieldChanged(),
      onModel: () => this.#follow(this.#choices.model),
      onScale: () => this.#view.scaleChanged(),
      onSearch: () => this.#view.search(),
      onPause: () => this.#togglePause(),
    });
    this.#view = new LiveView(this.#part, this.#choices, this.#toolbar, {
      onError: (error) => this.#apiFailed(error),
      onRead: () => this.#problems.clear("api"),
    });
    this.#listen();
    this.#poll();
  }

  #listen() {
    const help = this.#part("help");
    this.#part("show-help").addEventListener("click", () => help.showModal());
    this.#part("connection").addEventListener("retry", () => this.#socket.retryNow());
    window.addEventListener("online", () => this.#socket.retryNow());
    document.addEventListener("click", copyCommand);
    listenToKeys({
      p: () => this.#togglePause(),
      "/": () => this.#part("search").focus(),
      "?": () => help.showModal(),
      ...windowKeys((name) => this.#toolbar.chooseWindow(name)),
    });
    this.#part("search").addEventListener("keydown", (event) => {
      if (event.key !== "Escape") return;
      event.target.value = "";
      event.target.blur();
      this.#view.search();
    });
  }

  /** Ask which devices there are and how they are; asks again by itself, more often while something is missing. */
  async #poll() {
    clearTimeout(this.#pollTimer);
    try {
      this.#rows = await getJson(this.#part("live-page").dataset.statusUrl);
      this.#apiAnswered();
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      this.#apiDown = true;
      this.#apiFailed(error);
    } finally {
      const state = this.#rows.length === 0 ? "empty" : this.#connection.name === "live" ? "live" : "broken";
      clearTimeout(this.#pollTimer);
      // Spread out, so that many open pages do not ask a site that has just come back all at once.
      this.#pollTimer = setTimeout(() => this.#poll(), POLL_S[state] * (750 + Math.random() * 500));
    }
  }

  #apiAnswered() {
    this.#problems.clear("api");
    this.#receiveStatus();
    // The site is back: no need to wait any longer.
    if (this.#apiDown) this.#socket.retryNow();
    this.#apiDown = false;
  }

  #receiveStatus() {
    const models = modelsBySize(this.#rows);
    const isEmpty = models.length === 0;
    this.#part("empty").hidden = !isEmpty;
    for (const id of ["toolbar", "summary", "latest"]) this.#part(id).hidden = isEmpty;
    if (isEmpty) this.#forgetDevices();
    else if (models.includes(this.#view.model)) this.#view.receiveStatus(this.#rows);
    else this.#follow(models.includes(this.#choices.model) ? this.#choices.model : models[0]);
    this.#toolbar.showModels(models.sort());
  }

  #forgetDevices() {
    if (this.#view.model) this.#view.follow("");
    this.#connectionChanged({ name: "idle" });
  }

  #follow(model) {
    this.#choices.model = model;
    this.#problems.clear("refusal");
    this.#told.follow(model);
    this.#view.follow(model);
    this.#toolbar.showPause(false, 0);
    this.#view.receiveStatus(this.#rows);
    this.#socket.subscribe(model);
    setTimeout(() => this.#view.readFieldsFromApi(model), FALLBACK_MS);
  }

  #receiveSnapshot(frame) {
    this.#problems.clear("refusal");
    this.#view.receiveSnapshot(frame);
  }

  #receiveFrame(frame) {
    if (this.#view.receiveFrame(frame)) this.#poll();
    if (this.#view.paused) this.#toolbar.showPause(true, this.#view.missed);
  }

  #togglePause() {
    if (this.#part("toolbar").hidden) return;
    this.#view.togglePause();
    this.#toolbar.showPause(this.#view.paused, 0);
    this.#showConnection();
  }

  #connectionChanged(state) {
    const cameBack = state.name === "live" && this.#wasLost;
    this.#connection = state;
    if (state.name === "live" || state.name === "idle") {
      this.#wasLost = false;
      this.#problems.clear("connection");
    }
    if (state.name === "waiting") this.#connectionLost();
    // What was sent in the meantime is read from history.
    if (cameBack) this.#view.readAgain();
    this.#showConnection();
  }

  #connectionLost() {
    this.#wasLost = true;
    this.#problems.connection(this.#view.lastHeard);
    // A refused connection does not say why; the API does, when it was the sign-in that ended.
    this.#poll();
  }

  #showConnection() {
    const pill = this.#part("connection");
    pill.show(this.#connection, this.#view?.paused ?? false);
    const { announcement } = pill;
    if (announcement && this.#part("announcement").textContent !== announcement) {
      this.#part("announcement").textContent = announcement;
    }
  }

  #apiFailed(error) {
    if (error.needsLogin) {
      const next = encodeURIComponent(location.pathname + location.search);
      location.assign(`${this.#part("live-page").dataset.login}?next=${next}`);
    } else this.#problems.api(error, this.#view.lastHeard);
  }
}

/** The models that have devices, the one with most of them first. */
function modelsBySize(rows) {
  const sizes = new Map();
  for (const { model } of rows) if (model) sizes.set(model, (sizes.get(model) ?? 0) + 1);
  return [...sizes.keys()].sort((a, b) => sizes.get(b) - sizes.get(a));
}

async function copyCommand(event) {
  const button = event.target.closest("[data-copy]");
  if (!button) return;
  await navigator.clipboard.writeText(button.previousElementSibling.textContent);
  button.textContent = "Copied";
}

new LivePage().start();
