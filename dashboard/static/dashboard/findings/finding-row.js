import { absolute, clockTime, showTime, span } from "../charts/format.js";
import { spanOf } from "../charts/marks.js";
import { VERDICTS, explorePath, kindWord, sureWords } from "./words.js";

/**
 * A finding as an entry of the list. Every text in it is data, so it is only ever text.
 * @param {import("../charts/marks.js").Finding} finding
 * @param {((verdict: string | null) => void) | null} onSay what to do when somebody says something; null for those who may not
 */
export function rowOf(finding, onSay) {
  const row = Object.assign(document.createElement("li"), { className: "finding", id: `finding-${finding.id}` });
  const head = element("p", "finding-head", element("span", "finding-kind", kindWord(finding.kind)), whose(finding), timesOf(finding));
  row.append(head, element("p", "finding-words", finding.sentence), element("p", "finding-foot", sure(finding), chart(finding)));
  if (onSay) row.append(buttons(finding, onSay));
  else if (finding.feedback) row.append(element("p", "text-secondary", `Said of it: ${VERDICTS[finding.feedback]}`));
  return row;
}

function element(tag, className, ...content) {
  const made = Object.assign(document.createElement(tag), { className });
  made.append(...content);
  return made;
}

function whose(finding) {
  return element("b", "finding-device", finding.field ? `${finding.device} · ${finding.label}` : finding.device);
}

function timesOf(finding) {
  const [start, end] = spanOf(finding);
  const when = element("span", "finding-when text-secondary");
  const began = document.createElement("time");
  showTime(began, start, Date.now() / 1000);
  began.textContent = absolute(start).slice(0, 19);
  const lasted = end - start >= 1 ? `, ${span(end - start)}` : "";
  when.append(began, finding.open ? `${lasted}, goes on` : `${lasted}${end - start >= 1 ? ` until ${clockTime(end, true)}` : ""}`);
  return when;
}

function sure(finding) {
  return element("span", "text-secondary", `${sureWords(finding.score)}, ${finding.model} `);
}

function chart(finding) {
  if (!finding.field) return "";
  const link = element("a", "finding-chart", "Show it in the chart");
  link.href = explorePath(finding, Date.now() / 1000);
  return link;
}

function buttons(finding, onSay) {
  const group = element("div", "finding-say btn-group");
  group.setAttribute("role", "group");
  group.setAttribute("aria-label", `What is it? ${finding.sentence}`);
  for (const [verdict, word] of Object.entries(VERDICTS)) {
    const button = Object.assign(document.createElement("button"), { type: "button", className: "btn btn-sm", textContent: word });
    const isSaid = finding.feedback === verdict;
    button.setAttribute("aria-pressed", String(isSaid));
    button.title = isSaid ? "Take it back" : "";
    button.addEventListener("click", () => onSay(isSaid ? null : verdict));
    group.append(button);
  }
  return group;
}
