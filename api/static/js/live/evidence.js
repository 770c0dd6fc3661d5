// The signals behind alerts, fetched when somebody sees them, two at a time, and kept while the page is open.

const AT_ONCE = 2;
const KEPT = 200;
const NEAR_MS = 300_000;

/** Those readings that the car made near the event: what it sent late, or all at once, lies days apart. */
export function near(readings, alert) {
  const found = readings.filter((reading) => Math.abs(reading.recorded_at_ms - alert.raised_at_ms) < NEAR_MS);
  return found.length > 1 ? found : readings;
}

export class EvidenceShelf {
  #kept = new Map();
  #waiting = [];
  #running = 0;

  constructor(client) {
    this.client = client;
  }

  /** Gives the signals around an alert as they were told at that change of it; null where none are kept any more. */
  signals(alert) {
    const key = `${alert.alert_id} ${alert.change}`;
    if (!this.#kept.has(key)) {
      if (this.#kept.size >= KEPT) this.#kept.delete(this.#kept.keys().next().value);
      this.#kept.set(key, this.#queued(alert));
    }
    return this.#kept.get(key);
  }

  #queued(alert) {
    return new Promise((resolve) => {
      this.#waiting.push(() => this.client
        .askIfThere(`/v1/alerts/${encodeURIComponent(alert.alert_id)}/signals`)
        .catch(() => null)
        .then(resolve));
      this.#work();
    });
  }

  #work() {
    while (this.#running < AT_ONCE && this.#waiting.length) {
      this.#running += 1;
      this.#waiting.shift()().finally(() => {
        this.#running -= 1;
        this.#work();
      });
    }
  }
}
