// Keeps the page of the ring up to date. The server renders what changes; nothing is changed under somebody's hands.
const EVERY_MS = 3000;
const place = document.querySelector("[data-ring]");
const stale = document.querySelector("[data-stale]");

function inUse() {
  return document.hidden || place.contains(document.activeElement) || place.querySelector("details[open]") !== null;
}

async function refresh() {
  if (inUse()) return;
  const answer = await fetch(place.dataset.ring, { credentials: "same-origin", redirect: "error" });
  if (!answer.ok) throw new Error(`status ${answer.status}`);
  const text = await answer.text();
  stale.hidden = true;
  if (inUse()) return;
  const offset = place.querySelector(".scroll")?.scrollLeft ?? 0;
  place.innerHTML = text;
  const box = place.querySelector(".scroll");
  if (box) box.scrollLeft = offset;
}

if (place) {
  // A server that is away for a moment is asked again.
  setInterval(() => refresh().catch(() => { stale.hidden = false; }), EVERY_MS);
}
