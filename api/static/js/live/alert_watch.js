// The one listener to alerts: what needs attention, kept current for every page, and counted in the tab's title.

import { EventStream } from "../api/events.js";

const MOST = 50;
const EVERY_MS = 15_000; // what no event tells: a car that is heard again, readings that are rejected

export class AlertWatch extends EventTarget {
  #isAsking = false;
  #isWantedAgain = false;

  constructor(client) {
    super();
    this.client = client;
    this.attention = null;
    this.problem = null;
    this.isConnected = null;
    this.stream = new EventStream(client, "/v1/alerts/stream", {
      hear: (event) => this.#heard(event),
      notice: (isConnected, problem) => this.#noticed(isConnected, problem),
    });
    this.first = this.refresh();
    setInterval(() => this.refresh(), EVERY_MS);
  }

  /** Asks what needs attention; however many events come while the answer is awaited, it is asked for once more. */
  async refresh() {
    if (this.#isAsking) {
      this.#isWantedAgain = true;
      return;
    }
    this.#isAsking = true;
    try {
      this.attention = await this.client.ask("/v1/attention", { limit: MOST });
      this.problem = null;
    } catch (error) {
      this.problem = error;
    }
    this.#isAsking = false;
    this.#tell("attention");
    if (this.#isWantedAgain) {
      this.#isWantedAgain = false;
      this.refresh();
    }
  }

  #heard({ kind, data }) {
    if (kind === "alert") this.#tell("alert", JSON.parse(data));
    this.refresh();
  }

  #noticed(isConnected, problem) {
    const isBack = isConnected && this.isConnected === false;
    this.isConnected = isConnected;
    if (problem) this.problem = problem;
    if (isBack) this.refresh();
    this.#tell("connection", { isBack });
  }

  #tell(kind, detail = null) {
    this.dispatchEvent(new CustomEvent(kind, { detail }));
  }
}

/** Listens until the page is left: gives what ends it. */
export function listen(target, kind, tell) {
  target.addEventListener(kind, tell);
  return () => target.removeEventListener(kind, tell);
}
