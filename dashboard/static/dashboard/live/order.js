const byName = new Intl.Collator(undefined, { numeric: true });
const RANKS = { online: 0, late: 1, offline: 2 };

/**
 * The order of the charts: devices that send first, then those that are late, then the silent ones, each by name. A device keeps its
 * place while somebody reads, whatever becomes of it; only `forget` lets all of them be placed anew.
 */
export class ChartOrder {
  #ranks = new Map();

  /** Place all devices anew the next time, because something else is looked at anyhow. */
  forget() {
    this.#ranks.clear();
  }

  /**
   * @param {Iterable<import("./store.js").Device>} devices
   * @param {(device: import("./store.js").Device) => string} statusOf
   * @returns {import("./store.js").Device[]}
   */
  sorted(devices, statusOf) {
    const all = [...devices];
    for (const device of all) if (!this.#ranks.has(device.id)) this.#ranks.set(device.id, RANKS[statusOf(device)] ?? 0);
    return all.sort((a, b) => this.#ranks.get(a.id) - this.#ranks.get(b.id) || byName.compare(a.id, b.id));
  }
}
