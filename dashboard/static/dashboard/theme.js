// Runs before the first paint, so that a dark page never flashes white. The key and its values ("auto", "light", "dark")
// are those of the Django admin: a choice made there holds here, and the other way round.
"use strict";
{
  const KEY = "theme";
  const ORDER = ["auto", "light", "dark"];
  const WORDS = { auto: "automatic", light: "light", dark: "dark" };
  const prefersDark = window.matchMedia("(prefers-color-scheme: dark)");

  const chosen = () => {
    const value = localStorage.getItem(KEY) ?? "auto";
    return ORDER.includes(value) ? value : "auto";
  };

  const apply = () => {
    const choice = chosen();
    const shown = choice === "auto" ? (prefersDark.matches ? "dark" : "light") : choice;
    document.documentElement.dataset.bsTheme = shown;
    const text = `Colours: ${WORDS[choice]}`;
    for (const button of document.querySelectorAll("[data-theme-toggle]")) button.title = text;
    for (const name of document.querySelectorAll("[data-theme-name]")) name.textContent = text;
  };

  apply();
  document.addEventListener("DOMContentLoaded", apply);
  prefersDark.addEventListener("change", apply);
  window.addEventListener("storage", (event) => {
    if (event.key === KEY) apply();
  });
  document.addEventListener("click", (event) => {
    if (!(event.target instanceof Element) || !event.target.closest("[data-theme-toggle]")) return;
    localStorage.setItem(KEY, ORDER[(ORDER.indexOf(chosen()) + 1) % ORDER.length]);
    apply();
  });
}
