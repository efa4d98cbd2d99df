// Follows a running replay, and opens its page anew once it has ended, because then there is more to say.
const EVERY_MS = 1000;
const place = document.querySelector("[data-replay]");

async function follow() {
  const answer = await fetch(place.dataset.replay, { headers: { Accept: "application/json" } });
  if (!answer.ok) return;
  const run = await answer.json();
  const bar = place.querySelector("progress");
  bar.max = Math.max(1, run.counts.total);
  bar.value = run.counts.examined;
  for (const part of place.querySelectorAll("[data-count]")) part.textContent = run.told[part.dataset.count];
  if (run.state !== "running") location.reload();
}

if (place) {
  // A server that is away for a moment is asked again.
  setInterval(() => follow().catch(() => {}), EVERY_MS);
}
