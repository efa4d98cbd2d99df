// Shows of each field only the settings that its kind has. One that is filled in stays, so that nothing is hidden that
// would be refused.
const MEANT_FOR = {
  minimum: ["number", "integer"],
  maximum: ["number", "integer"],
  choices: ["choice"],
  max_length: ["text"],
  pattern: ["text"],
};

function show(row) {
  const kind = row.querySelector(".field-kind select")?.value;
  if (kind === undefined) return;
  for (const [setting, kinds] of Object.entries(MEANT_FOR)) {
    const place = row.querySelector(`.field-${setting}`);
    const input = place?.querySelector("input");
    if (!input) continue;
    place.classList.toggle("not-for-kind", !kinds.includes(kind) && input.value.trim() === "");
  }
}

document.addEventListener("change", (event) => {
  const row = event.target.closest("[data-row]");
  if (row) show(row);
});
document.addEventListener("formset:added", (event) => show(event.target));
for (const row of document.querySelectorAll("[data-row]")) show(row);
