// Keeps the list of models up to date: how much of each passes, read again while the page is looked at.
const EVERY_MS = 5000;
const list = document.querySelector("[data-rates]");

async function refresh() {
  if (document.hidden) return;
  const answer = await fetch(list.dataset.rates, { headers: { Accept: "application/json" } });
  if (!answer.ok) return;
  const rates = await answer.json();
  for (const place of list.querySelectorAll("[data-rate]")) {
    const rate = rates[place.dataset.rate] ?? { told: "nothing came", refused: 0, words: "" };
    place.querySelector("[data-told]").textContent = rate.told;
    const link = place.querySelector("a");
    link.textContent = rate.words;
    link.hidden = rate.refused === 0;
  }
}

if (list) {
  // A server that is away for a moment is asked again; the numbers stay until then.
  setInterval(() => refresh().catch(() => {}), EVERY_MS);
}
