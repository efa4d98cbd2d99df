const UNITS = [["y", 31557600], ["d", 86400], ["h", 3600], ["min", 60], ["s", 1]];
const MAX_DECIMALS = 5;
const pad = (number, digits = 2) => String(number).padStart(digits, "0");

/**
 * Say a span of time in at most two units: "4 s", "1 min 5 s", "2 h", "11 y 80 d".
 * @param {number} seconds negative when a device's clock is ahead
 * @returns {string}
 */
export function span(seconds) {
  const whole = Math.floor(Math.abs(seconds));
  const first = UNITS.findIndex(([, size]) => whole >= size);
  if (first === -1) return "0 s";
  const [name, size] = UNITS[first];
  const rest = UNITS[first + 1];
  const more = rest ? Math.floor((whole % size) / rest[1]) : 0;
  return `${Math.floor(whole / size)} ${name}${more ? ` ${more} ${rest[0]}` : ""}`;
}

/**
 * Say how long ago something was, or how far ahead.
 * @param {number} seconds
 * @returns {string}
 */
export function ago(seconds) {
  if (seconds < -1) return `${span(seconds)} ahead`;
  return seconds < 1 ? "now" : `${span(seconds)} ago`;
}

/**
 * Write an instant in full in the browser's time zone, as in ISO 8601: "2026-11-21 17:03:12.250 +01:00".
 * @param {number} epoch seconds
 * @returns {string}
 */
export function absolute(epoch) {
  const date = new Date(epoch * 1000);
  const day = `${date.getFullYear()}-${pad(date.getMonth() + 1)}-${pad(date.getDate())}`;
  const zone = -date.getTimezoneOffset();
  const offset = `${zone < 0 ? "-" : "+"}${pad(Math.floor(Math.abs(zone) / 60))}:${pad(Math.abs(zone) % 60)}`;
  return `${day} ${clockTime(epoch, true)}.${pad(date.getMilliseconds(), 3)} ${offset}`;
}

/**
 * Write the time of day in the browser's zone.
 * @param {number} epoch seconds
 * @param {boolean} withSeconds
 * @returns {string}
 */
export function clockTime(epoch, withSeconds) {
  const date = new Date(epoch * 1000);
  const minutes = `${pad(date.getHours())}:${pad(date.getMinutes())}`;
  return withSeconds ? `${minutes}:${pad(date.getSeconds())}` : minutes;
}

/**
 * Choose how many decimals show about 200 steps over a range, so that digits neither flicker nor hide a change; but no more than
 * four significant digits of a measured value, unless it is an angle, which a position needs in full.
 * @param {number} min
 * @param {number} max
 * @param {string} unit
 * @returns {number} 0 to 5
 */
export function decimalsFor(min, max, unit = "") {
  const largest = Math.max(Math.abs(min), Math.abs(max));
  const fine = Math.ceil(2.3 - Math.log10(max - min || largest / 10 || 1));
  const sensible = unit === "°" || largest === 0 ? MAX_DECIMALS : 3 - Math.floor(Math.log10(largest));
  return Math.max(0, Math.min(fine, sensible, MAX_DECIMALS));
}

/**
 * Write a value as text.
 * @param {unknown} value
 * @param {number} decimals for numbers that are not whole
 * @param {boolean} whole whether every value of this field is a whole number
 * @returns {string} "–" for nothing
 */
export function valueText(value, decimals, whole = false) {
  if (value === null || value === undefined) return "–";
  if (typeof value === "boolean") return value ? "yes" : "no";
  if (typeof value === "number") return value.toFixed(whole ? 0 : decimals);
  if (typeof value === "object") return `${value.lat?.toFixed(5)}, ${value.lon?.toFixed(5)}`;
  return String(value);
}

/**
 * Show an instant in a `<time>`: relative as text, absolute on hover. Touches the page only where something changed.
 * @param {HTMLTimeElement} element
 * @param {number} epoch seconds
 * @param {number} now seconds
 */
export function showTime(element, epoch, now) {
  const text = ago(now - epoch);
  if (element.textContent !== text) element.textContent = text;
  if (element.dataset.epoch === String(epoch)) return;
  element.dataset.epoch = String(epoch);
  element.dateTime = new Date(epoch * 1000).toISOString();
  element.title = absolute(epoch);
}

/** Units whose UCUM code (ucum.org, the unified code for units of measure) is not what people write. */
const SYMBOLS = new Map(Object.entries({
  deg: "°", Cel: "°C", "[degF]": "°F", Ohm: "Ω", "m/s2": "m/s²", m2: "m²", m3: "m³", um: "µm", us: "µs", "kW.h": "kWh", "W.h": "Wh",
}));

/**
 * Say a unit as people write it.
 * @param {string} code UCUM
 * @returns {string}
 */
export function unitSymbol(code) {
  return SYMBOLS.get(code) ?? code;
}
