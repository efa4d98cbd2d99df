// Keeps the page of the bridges up to date. The server renders what changes; nothing else on the page is touched.
const EVERY_MS = 2000;
const place = document.querySelector("[data-bridges]");
const stale = document.querySelector("[data-stale]");
let shown = "";

async function refresh() {
  if (document.hidden) return;
  const answer = await fetch(place.dataset.bridges, { credentials: "same-origin", redirect: "error" });
  if (!answer.ok) throw new Error(`status ${answer.status}`);
  const text = await answer.text();
  stale.hidden = true;
  if (text === shown) return;
  shown = text;
  // Whoever scrolls with the keyboard stays where they are.
  const focused = [...place.querySelectorAll(".scroll")].indexOf(document.activeElement);
  const offsets = [...place.querySelectorAll(".scroll")].map((box) => box.scrollLeft);
  place.innerHTML = text;
  place.querySelectorAll(".scroll").forEach((box, index) => {
    box.scrollLeft = offsets[index] ?? 0;
    if (index === focused) box.focus({ preventScroll: true });
  });
}

if (place) {
  // A server that is away for a moment is asked again.
  setInterval(() => refresh().catch(() => { stale.hidden = false; }), EVERY_MS);
}
