import { spanOf } from "../charts/marks.js";

const KINDS = {
  spike: "spike", level_shift: "level shift", spread: "unrest", stuck: "stuck", rhythm: "unusual hour", missing: "silent",
  unlike_peers: "unlike the others",
};
const AROUND = 4; // times as long as the finding, so that what was usual is seen too
const LEAST_S = 600;

/** What can be said of a finding. */
export const VERDICTS = { real: "Real", not_real: "Not real", expected: "Expected" };

/** @param {string} kind of a finding */
export function kindWord(kind) {
  return KINDS[kind] ?? kind;
}

/** @param {number} score from 0.5 to 1 */
export function sureWords(score) {
  return `${Math.round(score * 100)} % sure`;
}

/**
 * @param {import("../charts/marks.js").Finding} finding
 * @param {number} now epoch seconds
 * @returns {string} the explorer's address with the finding in the middle; of a silence, with its model's field that is shown first
 */
export function explorePath(finding, now) {
  const [start, end] = spanOf(finding, now);
  const around = Math.max(LEAST_S, ((end - start) * (AROUND - 1)) / 2);
  const iso = (at) => new Date(Math.round(at) * 1000).toISOString().replace(".000Z", "Z");
  const query = new URLSearchParams({
    field: `${finding.model}.${finding.field}`, device: finding.device, start: iso(start - around), end: iso(Math.min(now + 1, end + around)),
  });
  return `/explore?${query}`;
}

/**
 * @param {{running: boolean, at: string | null, devices: number, learning: number, learning_until: string | null, behind_s: number}} watch
 * @param {(text: string) => string} clock writes a time of the API
 * @returns {string} how far the watcher is
 */
export function watchWords(watch, clock) {
  if (watch.at === null) return "Nothing is watched yet.";
  if (!watch.running) return `Nothing has been watched since ${clock(watch.at)}: manage.py run_watch does not run.`;
  if (!watch.devices) return "No device has sent enough yet to be watched.";
  const words = [`${watch.devices} device${watch.devices === 1 ? " is" : "s are"} watched.`];
  if (watch.learning) words.push(`Of ${watch.learning} that ${watch.learning === 1 ? "is" : "are"} new only what is unmistakable is found, of the first until ${clock(watch.learning_until)}.`);
  if (watch.behind_s > 60) words.push(`The watcher is ${Math.round(watch.behind_s / 60)} min behind.`);
  return words.join(" ");
}
