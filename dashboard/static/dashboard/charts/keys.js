/**
 * Listen to the keys of the page. They stay silent while somebody types, or holds a modifier that belongs to the browser.
 * @param {Record<string, () => void>} actions by key
 */
export function listenToKeys(actions) {
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target) || document.querySelector("dialog[open]")) return;
    const action = actions[event.key];
    if (!action) return;
    event.preventDefault();
    action();
  });
}

function isTyping(target) {
  return target.matches("input:not([type=radio]), select, textarea, [contenteditable]");
}
