/** The server sends a frame at least every second; after this long without one the connection is taken for dead. */
const SILENCE_MS = 5000;
const FIRST_DELAY_MS = 1000;
const LONGEST_DELAY_MS = 10000;

/**
 * @typedef {Object} SocketEvents
 * @property {(state: {name: "connecting" | "live" | "waiting" | "stopped", retryAt?: number}) => void} onState
 * @property {(frame: Object) => void} onSnapshot
 * @property {(frame: Object) => void} onFrame
 * @property {() => void} onGap frames were missed: what the page shows must be read again
 * @property {(frame: {code: string, detail: string}) => void} onError the server refused something
 */

/**
 * One subscription over one WebSocket that comes back by itself: after a loss it waits a growing, jittered time; a connection on which
 * nothing arrives for five seconds is dropped; a hole in the frame numbers is reported and answered with a new snapshot.
 */
export class LiveSocket {
  #url;
  #events;
  #socket = null;
  #model = "";
  #attempts = 0;
  #expected = null;
  #lastMessage = 0;
  #retryTimer = 0;
  #watchTimer = 0;

  /**
   * @param {string} url
   * @param {SocketEvents} events
   */
  constructor(url, events) {
    this.#url = url;
    this.#events = events;
  }

  /**
   * Follow a model; connects when that was not done yet, and may be called again to change the model.
   * @param {string} model
   */
  subscribe(model) {
    this.#model = model;
    if (!this.#socket) this.#connect();
    else if (this.#socket.readyState === WebSocket.OPEN) this.#sendSubscription();
  }

  /** Try again at once, when waiting to do so. */
  retryNow() {
    if (!this.#retryTimer) return;
    clearTimeout(this.#retryTimer);
    this.#connect();
  }

  /** Close for good. */
  stop() {
    clearTimeout(this.#retryTimer);
    this.#retryTimer = 0;
    this.#drop();
    this.#events.onState({ name: "stopped" });
  }

  #connect() {
    this.#retryTimer = 0;
    this.#drop();
    this.#events.onState({ name: "connecting" });
    const socket = new WebSocket(this.#url);
    this.#socket = socket;
    this.#lastMessage = Date.now();
    socket.onopen = () => this.#sendSubscription();
    socket.onmessage = (message) => this.#receive(message.data);
    socket.onclose = () => this.#lost();
    this.#watchTimer = setInterval(() => this.#watch(), 1000);
  }

  #sendSubscription() {
    this.#expected = null;
    this.#socket.send(JSON.stringify({ type: "subscribe", model: this.#model, devices: "*", fields: "*" }));
  }

  #receive(text) {
    this.#lastMessage = Date.now();
    const frame = JSON.parse(text);
    if (frame.type === "error") this.#events.onError(frame);
    else if (frame.model !== this.#model) return;
    else if (frame.type === "snapshot") this.#receiveSnapshot(frame);
    // Until the snapshot is here, frames still belong to the subscription before.
    else if (frame.type === "latest_data" && this.#expected !== null) this.#receiveFrame(frame);
  }

  #receiveSnapshot(frame) {
    this.#attempts = 0;
    this.#expected = frame.seq + 1;
    this.#events.onState({ name: "live" });
    this.#events.onSnapshot(frame);
  }

  #receiveFrame(frame) {
    const complete = frame.seq === this.#expected;
    this.#expected = frame.seq + 1;
    this.#events.onFrame(frame);
    if (complete) return;
    this.#events.onGap();
    this.#sendSubscription();
  }

  #watch() {
    if (Date.now() - this.#lastMessage > SILENCE_MS) this.#lost();
  }

  #lost() {
    this.#drop();
    const ceiling = Math.min(LONGEST_DELAY_MS, FIRST_DELAY_MS * 2 ** this.#attempts);
    const delay = ceiling * (0.5 + Math.random() / 2);
    this.#attempts += 1;
    this.#retryTimer = setTimeout(() => this.#connect(), delay);
    this.#events.onState({ name: "waiting", retryAt: Date.now() + delay });
  }

  /** Let go of the socket without waiting for a close that a dead connection would never answer. */
  #drop() {
    clearInterval(this.#watchTimer);
    if (!this.#socket) return;
    this.#socket.onopen = this.#socket.onmessage = this.#socket.onclose = null;
    this.#socket.close();
    this.#socket = null;
    this.#expected = null;
  }
}
