import { clockTime } from "../charts/format.js";

const REMEDY = "The page tries again by itself. If this goes on, look at the output of manage.py up, or open ";

/** Says what is wrong and what to do about it; several sources may have a problem, the first is shown. */
export class Problems {
  #element;
  #texts = new Map();

  /** @param {HTMLElement} element */
  constructor(element) {
    this.#element = element;
  }

  /**
   * @param {import("../charts/api.js").ApiError} error
   * @param {number} until when the newest data came, epoch seconds
   */
  api(error, until) {
    const what = error.status ? `answers with an error (HTTP ${error.status}: ${error.message.replace(/\.$/, "")})` : "does not answer";
    this.set("api", `The site ${what}. What you see was received until ${clockTime(until, true)}. ${REMEDY}`);
  }

  /** @param {number} until when the newest data came, epoch seconds */
  connection(until) {
    this.set("connection", `The live connection is lost. What you see was received until ${clockTime(until, true)}. ${REMEDY}`);
  }

  /** @param {{code: string, detail: string}} frame an error that the server sent over the socket */
  refusal(frame) {
    this.set("refusal", `The server gives no live data: ${(frame.detail || frame.code).replace(/\.$/, "")}. ${REMEDY}`);
  }

  /**
   * @param {string} source
   * @param {string} text
   */
  set(source, text) {
    this.#texts.set(source, text);
    this.#draw();
  }

  /** @param {string} source */
  clear(source) {
    if (this.#texts.delete(source)) this.#draw();
  }

  #draw() {
    const [text] = this.#texts.values();
    this.#element.hidden = text === undefined;
    if (text === undefined) return;
    this.#element.textContent = text;
    if (!text.endsWith(REMEDY)) return;
    const link = Object.assign(document.createElement("a"), { href: "/readyz", textContent: "the readiness page" });
    this.#element.append(link, ".");
  }
}
