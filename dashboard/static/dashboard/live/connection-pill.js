/**
 * The state of the connection in one word, with a countdown while it waits to try again.
 * @typedef {{name: "connecting" | "live" | "waiting" | "idle" | "stopped", retryAt?: number}} Connection
 */
export class ConnectionPill extends HTMLElement {
  #word;
  #retry;
  #timer = 0;
  #connection = { name: "connecting" };
  #paused = false;

  connectedCallback() {
    this.innerHTML = `<span class="pill-word"></span><button type="button" class="pill-retry" hidden>Retry now</button>`;
    [this.#word, this.#retry] = this.children;
    this.#retry.addEventListener("click", () => this.dispatchEvent(new CustomEvent("retry")));
    this.#draw();
  }

  /**
   * @param {Connection} connection
   * @param {boolean} paused whether the charts stand still
   */
  show(connection, paused) {
    this.#connection = connection;
    this.#paused = paused;
    clearInterval(this.#timer);
    if (connection.name === "waiting") this.#timer = setInterval(() => this.#draw(), 250);
    this.#draw();
  }

  /** @returns {string} what a screen reader is told when the state changes; without the countdown, which would never end */
  get announcement() {
    const { name } = this.#connection;
    if (name === "waiting") return "Connection lost, reconnecting.";
    if (name === "live") return this.#paused ? "Paused." : "Live.";
    return "";
  }

  #draw() {
    const { name } = this.#connection;
    const paused = this.#paused && name === "live";
    this.dataset.state = paused ? "paused" : name;
    this.#word.textContent = paused ? "Paused" : this.#text();
    this.#retry.hidden = name !== "waiting";
  }

  #text() {
    const { name, retryAt } = this.#connection;
    if (name === "waiting") return `Reconnecting in ${Math.max(0, Math.ceil((retryAt - Date.now()) / 1000))} s`;
    return { connecting: "Connecting…", live: "Live", idle: "Waiting for data", stopped: "Disconnected" }[name];
  }
}

customElements.define("connection-pill", ConnectionPill);
