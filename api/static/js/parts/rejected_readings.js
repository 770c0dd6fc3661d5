// Rejected readings by reason, with the bytes as they came, and sending them again.

import { card, element, empty, freshen } from "../element.js";
import { moment } from "../format/time.js";
import { number } from "../format/units.js";
import { counted, sentence } from "../format/words.js";
import { vehicleLink } from "./badges.js";
import { lines, table } from "./table.js";

const SHOWN = 20;
const MOST_BYTES_SHOWN = 4000;
const PATH = "/v1/rejected-readings";

export class RejectedReadings {
  constructor(client) {
    this.client = client;
    this.reasons = element("div", { className: "chips" });
    this.reason = null;
    this.list = element("div");
    this.bytes = element("div");
    this.said = element("p", { className: "soft", role: "status" });
    this.node = card("Rejected readings", this.reasons, this.said, this.list, this.bytes);
    this.counts = "";
  }

  takeCounts(counts) {
    if (JSON.stringify(counts) === this.counts) return;
    this.counts = JSON.stringify(counts);
    const pairs = Object.entries(counts).sort(([, one], [, other]) => other - one);
    const chip = ([reason, count]) => element("button", {
      type: "button", "aria-pressed": String(reason === this.reason), onclick: () => this.#choose(reason),
    }, sentence(reason.replaceAll("_", " ")), " ", element("b", {}, number(count)));
    freshen(this.reasons, pairs.length ? pairs.map(chip) : empty("No reading was rejected."));
  }

  async refresh() {
    const told = await this.client.askIfThere(PATH, { reason: this.reason, limit: SHOWN });
    if (!told) {
      this.list.replaceChildren(element("p", { className: "soft" }, "Single readings are shown to administrators, where this API has them."));
      return;
    }
    const made = table("Rejected readings, the latest first", this.#columns(), "No reading was rejected for this reason.");
    made.show(told.rejected);
    const again = this.reason && told.rejected.length > 0
      && element("button", { type: "button", onclick: () => this.#replay({ reason: this.reason }) }, `Replay the latest of “${this.reason.replaceAll("_", " ")}”`);
    freshen(this.list, again, made.node);
  }

  #columns() {
    return [
      { title: "Received", cell: (one) => moment(one.received_at_ms) },
      { title: "Vehicle", cell: (one) => (one.vehicle_id ? vehicleLink(one.vehicle_id) : "–") },
      { title: "Why", isWide: true, cell: (one) => lines(sentence(one.reason.replaceAll("_", " ")), one.detail) },
      { title: "Bytes", isNumber: true, cell: (one) => number(one.length) },
      { title: "", cell: (one) => element("div", { className: "row close" },
        element("button", { type: "button", onclick: () => this.#show(one) }, "Bytes"),
        element("button", { type: "button", onclick: () => this.#replay({ records: [{ partition: one.partition, offset: one.offset }] }) }, "Replay")) },
    ];
  }

  #choose(reason) {
    this.reason = this.reason === reason ? null : reason;
    this.counts = "";
    for (const button of this.reasons.querySelectorAll("button")) {
      button.setAttribute("aria-pressed", String(this.reason !== null && button.textContent.startsWith(sentence(this.reason.replaceAll("_", " ")))));
    }
    this.refresh().catch((error) => { this.said.textContent = error.message; });
  }

  async #show({ partition, offset }) {
    try {
      const whole = await this.client.ask(`${PATH}/${partition}/${offset}`);
      const cut = whole.value.slice(0, MOST_BYTES_SHOWN);
      const more = whole.length > MOST_BYTES_SHOWN ? `, the first ${number(MOST_BYTES_SHOWN)} shown` : "";
      this.bytes.replaceChildren(element("h3", {}, `Partition ${partition}, offset ${offset}`),
        element("p", { className: "soft" }, `${counted(whole.length, "byte")}${more}; SHA-256 `, element("code", {}, whole.sha256.slice(0, 16))),
        element("pre", { tabIndex: 0, "aria-label": "Bytes as text" }, cut));
    } catch (error) {
      this.said.textContent = sentence(error.message);
    }
  }

  async #replay(asked) {
    try {
      const told = await this.client.send(`${PATH}/replay`, asked);
      const refused = told.refused.length ? ` ${told.refused.length} refused: ${told.refused[0].why}` : "";
      this.said.textContent = `${counted(told.replayed, "reading")} sent again.${refused}`;
    } catch (error) {
      this.said.textContent = sentence(error.message);
    }
  }
}
