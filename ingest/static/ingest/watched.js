// Keeps the part of a page up to date that the server renders. Nothing is changed under somebody's hands.
const EVERY_MS = 2000;
const place = document.querySelector("[data-watched]");
const stale = document.querySelector("[data-stale]");
let shown = "";

const boxes = () => [...place.querySelectorAll(".scroll")];

function inUse() {
  const focused = document.activeElement;
  const works = place.contains(focused) && !boxes().includes(focused);
  return document.hidden || works || place.querySelector("details[open]") !== null;
}

async function refresh() {
  if (inUse()) return;
  const answer = await fetch(place.dataset.watched, { credentials: "same-origin", redirect: "error" });
  if (!answer.ok) throw new Error(`status ${answer.status}`);
  const text = await answer.text();
  stale.hidden = true;
  if (text === shown || inUse()) return;
  shown = text;
  // Whoever scrolls with the keyboard stays where they are.
  const focused = boxes().indexOf(document.activeElement);
  const offsets = boxes().map((box) => box.scrollLeft);
  place.innerHTML = text;
  boxes().forEach((box, index) => {
    box.scrollLeft = offsets[index] ?? 0;
    if (index === focused) box.focus({ preventScroll: true });
  });
}

if (place) {
  // A server that is away for a moment is asked again.
  setInterval(() => refresh().catch(() => { stale.hidden = false; }), EVERY_MS);
}
