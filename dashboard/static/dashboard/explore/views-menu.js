import { getJson, sendJson } from "../charts/api.js";

const PATH = "/api/v1/views";
const LONGEST_NAME = 80;

/**
 * @typedef {{id: number, name: string, query: string, shared: boolean, owner: string, mine: boolean}} View
 */

/** The menu of saved views: one's own, and what others share. */
export class ViewsMenu {
  #menu;
  #body;
  #query;
  #onChoice;
  #views = [];

  /**
   * @param {(id: string) => HTMLElement} part finds an element of the page
   * @param {() => string} query what is shown now, as it stands in the address
   * @param {(query: string) => void} onChoice
   */
  constructor(part, query, onChoice) {
    [this.#menu, this.#body, this.#query, this.#onChoice] = [part("views"), part("views-body"), query, onChoice];
    this.#menu.addEventListener("toggle", () => this.#menu.open && this.#load());
  }

  async #load(said = "") {
    try {
      this.#views = (await getJson(PATH)).results;
      this.#draw(said);
    } catch (error) {
      this.#draw(error.message);
    }
  }

  #draw(said) {
    const lists = [["Mine", this.#views.filter((view) => view.mine)], ["Shared by others", this.#views.filter((view) => !view.mine)]];
    const parts = lists.filter(([, views]) => views.length).flatMap(([title, views]) => [
      Object.assign(document.createElement("b"), { textContent: title }), this.#list(views),
    ]);
    if (!this.#views.length) parts.push(Object.assign(document.createElement("p"), { textContent: "No view has been saved yet." }));
    const note = Object.assign(document.createElement("p"), { className: "picker-note", textContent: said });
    note.setAttribute("role", "status");
    this.#body.replaceChildren(...parts, this.#form(), note);
  }

  #list(views) {
    const list = document.createElement("ul");
    list.className = "view-list";
    list.append(...views.map((view) => {
      const item = document.createElement("li");
      const link = Object.assign(document.createElement("a"), { href: `?${view.query}`, textContent: view.name });
      link.addEventListener("click", (event) => {
        if (event.ctrlKey || event.metaKey || event.shiftKey) return;
        event.preventDefault();
        this.#menu.open = false;
        this.#onChoice(view.query);
      });
      item.append(link, noteOf(view));
      if (view.mine) item.append(this.#remover(view));
      return item;
    }));
    return list;
  }

  #remover(view) {
    const button = Object.assign(document.createElement("button"), { type: "button", className: "btn btn-sm", textContent: "Delete" });
    button.setAttribute("aria-label", `Delete the view ${view.name}`);
    button.addEventListener("click", async () => {
      await this.#act(() => sendJson("DELETE", `${PATH}/${view.id}`), `“${view.name}” is deleted.`);
      this.#body.querySelector("a, input")?.focus();
    });
    return button;
  }

  #form() {
    const form = document.createElement("form");
    form.className = "view-form";
    form.innerHTML = `<label>Save this view as <input class="form-control form-control-sm" name="name" required maxlength="${LONGEST_NAME}"
      autocomplete="off"></label><label class="tick"><input type="checkbox" name="shared"> for everybody here</label>
      <button type="submit" class="btn btn-primary btn-sm">Save</button>`;
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#save(form.elements.name.value.trim(), form.elements.shared.checked);
    });
    return form;
  }

  #save(name, shared) {
    const mine = this.#views.find((view) => view.mine && view.name === name);
    const body = { name, shared, query: this.#query().replace(/^\?/, "") };
    if (mine) return this.#act(() => sendJson("PATCH", `${PATH}/${mine.id}`, body), `“${name}” now shows this.`);
    return this.#act(() => sendJson("POST", PATH, body), `“${name}” is saved.`);
  }

  async #act(act, said) {
    try {
      await act();
      await this.#load(said);
    } catch (error) {
      this.#draw(error.message);
    }
  }
}

function noteOf({ mine, owner, shared }) {
  const text = mine ? (shared ? "shared" : "") : `by ${owner}`;
  return Object.assign(document.createElement("span"), { className: "picker-note", textContent: text });
}
