import { sendJson } from "../charts/api.js";
import { listenToKeys } from "../charts/keys.js";
import { browserZone } from "../charts/zone.js";
import { AnswerChart } from "./answer-chart.js";
import { drawRows } from "./rows.js";

const page = document.querySelector("#ask-page");
const part = (id) => document.getElementById(id);
const chart = new AnswerChart(part("chart"), part("plot"), part("legend"));

/** Who answered; the grammar needs no word about itself. */
const ENGINES = {
  language_model: "In the words of a language model. Its numbers are those of the data; the words between them are its own.",
};

/** The newest question; an answer to an older one comes too late to be shown. */
let asked = 0;

/**
 * Ask, and show what comes back.
 * @param {string} question
 */
async function ask(question) {
  const mine = ++asked;
  part("question").value = question;
  part("problem").hidden = true;
  part("result").hidden = false;
  part("result").setAttribute("aria-busy", "true");
  try {
    const answer = await sendJson("POST", "/ai/ask", { question, zone: browserZone() });
    if (mine === asked) show(answer);
  } catch (error) {
    if (mine === asked) showProblem(error);
  } finally {
    if (mine === asked) part("result").setAttribute("aria-busy", "false");
  }
}

function show(answer) {
  part("answer").textContent = answer.answer;
  part("answer").dataset.outcome = answer.outcome;
  part("engine").textContent = [ENGINES[answer.engine], answer.note].filter(Boolean).join(" ");
  part("suggestions").replaceChildren(...answer.suggestions.map(suggestion));
  part("suggestions").hidden = answer.suggestions.length === 0;
  part("examples").hidden = answer.outcome !== "ask_back" || answer.suggestions.length > 0;
  chart.show(answer.chart, answer.answer);
  drawRows(part("rows"), answer.rows, answer.rows_in_all);
  part("asked").hidden = answer.query === null;
  part("typed").textContent = answer.query ? JSON.stringify(answer.query.typed, null, 2) : "";
  part("sql").textContent = answer.query?.sql ?? "";
}

function showProblem(error) {
  if (error.needsLogin) {
    location.assign(`${page.dataset.login}?next=${encodeURIComponent(location.pathname + location.search)}`);
    return;
  }
  part("result").hidden = true;
  part("problem").hidden = false;
  part("problem").setAttribute("role", "alert");
  part("problem").textContent = error.status === 0 ? "The site does not answer. Try again soon." : error.message;
}

function suggestion(question) {
  const item = document.createElement("li");
  const link = document.createElement("a");
  link.href = `?q=${encodeURIComponent(question)}`;
  link.dataset.question = "";
  link.textContent = question;
  item.append(link);
  return item;
}

/** Ask what stands in the address, or show the empty page. */
function follow() {
  const question = new URLSearchParams(location.search).get("q") ?? "";
  if (question.trim()) {
    ask(question);
    return;
  }
  asked += 1;
  part("question").value = "";
  for (const id of ["result", "problem"]) part(id).hidden = true;
  part("examples").hidden = false;
}

function goTo(question) {
  history.pushState(null, "", `?q=${encodeURIComponent(question)}`);
  follow();
}

part("ask-form").addEventListener("submit", (event) => {
  event.preventDefault();
  if (part("question").value.trim()) goTo(part("question").value);
});
page.addEventListener("click", (event) => {
  const link = event.target.closest("a[data-question]");
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  goTo(link.textContent);
  part("question").focus();
});
window.addEventListener("popstate", follow);
listenToKeys({ "/": () => part("question").focus() });
follow();
