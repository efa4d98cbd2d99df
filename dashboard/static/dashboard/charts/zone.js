/** @returns {string} where whoever looks is, as in "Europe/Zurich" */
export function browserZone() {
  return Intl.DateTimeFormat().resolvedOptions().timeZone || "UTC";
}
