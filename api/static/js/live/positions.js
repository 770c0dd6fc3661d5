// Where the fleet is: the whole of it now and then, and what moves in the viewport as it moves.

import { EventStream } from "../api/events.js";

const PAGE = 10_000;
const WHOLE_EVERY_MS = 10_000;
const SETTLED_MS = 350;

export class PositionWatch {
  #stream = null;
  #timer = null;
  #viewTimer = null;
  #box = null;

  /** `took()` is called when something is known anew, `failed(problem)` when nothing is. */
  constructor(client, vehicles, { took, failed }) {
    Object.assign(this, { client, vehicles, took, failed });
    this.#whole();
    this.whenSeen = () => (document.hidden ? this.#quiet() : this.#whole());
    document.addEventListener("visibilitychange", this.whenSeen);
  }

  /** Follows another viewport: west, south, east, north in degrees. */
  look(bounds) {
    clearTimeout(this.#viewTimer);
    this.#viewTimer = setTimeout(() => {
      const box = bounds.map((degrees) => degrees.toFixed(5)).join();
      if (box === this.#box && this.#stream) return;
      this.#box = box;
      this.#follow();
    }, SETTLED_MS);
  }

  close() {
    this.isClosed = true;
    this.#quiet();
    clearTimeout(this.#viewTimer);
    document.removeEventListener("visibilitychange", this.whenSeen);
  }

  #quiet() {
    clearTimeout(this.#timer);
    this.#stream?.close();
    this.#stream = null;
  }

  async #whole() {
    clearTimeout(this.#timer);
    try {
      const ids = new Set();
      let cursor = null;
      do {
        const page = await this.client.ask("/v1/positions", { limit: PAGE, cursor });
        this.#take(page.features);
        for (const feature of page.features) ids.add(feature.properties.vehicle_id);
        cursor = page.next_cursor;
      } while (cursor && !this.isClosed);
      this.vehicles.keepOnly(ids);
      this.took();
    } catch (error) {
      this.failed(error);
    }
    if (this.isClosed || document.hidden) return;
    if (!this.#stream && this.#box) this.#follow();
    this.#timer = setTimeout(() => this.#whole(), WHOLE_EVERY_MS);
  }

  #follow() {
    this.#stream?.close();
    this.#stream = new EventStream(this.client, "/v1/positions/stream", {
      params: { bbox: this.#box },
      hear: ({ kind, data }) => {
        if (kind !== "positions") return;
        this.#take(JSON.parse(data).features);
        this.took();
      },
    });
  }

  #take(features) {
    if (!this.isClosed) this.vehicles.take(features, performance.now());
  }
}
