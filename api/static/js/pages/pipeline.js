// Pipeline: whether everything keeps up, what was rejected, which version of the batch views is served.

import { card, element, empty, freshen, pageTitle } from "../element.js";
import { delay, moment, since, span } from "../format/time.js";
import { number } from "../format/units.js";
import { counted, sentence } from "../format/words.js";
import { histogram } from "../charts/histogram.js";
import { sparkline } from "../charts/sparkline.js";
import { vehicleLink } from "../parts/badges.js";
import { RejectedReadings } from "../parts/rejected_readings.js";
import { lines, table, tile } from "../parts/table.js";
import { polling } from "../polling.js";

export const title = "Pipeline";

const EVERY_MS = 2000;
const RATES_KEPT = 60;
const LATENCIES = 500;
const LATELY_MS = 600_000;

export async function mount(root, { client, watch, until }) {
  const [tiles, lag, workers, latency, silent] = [1, 2, 3, 4, 5].map(() => element("div"));
  tiles.className = "tiles card";
  const versions = new Versions(client);
  const rejected = new RejectedReadings(client);
  const rate = new Rate();
  const trouble = element("p", { className: "soft", role: "status" });
  root.append(pageTitle("How does the pipeline do?", trouble), tiles,
    card("Behind, by group and partition", lag), card("Workers", workers),
    element("div", { className: "columns" }, card("From a reading to its alert", latency), versions.node),
    element("div", { className: "columns" }, rejected.node, card("Silent vehicles", silent)));

  async function quickly() {
    try {
      const told = await client.ask("/v1/pipeline", { latency_since_ms: Date.now() - LATELY_MS });
      trouble.textContent = "";
      rate.take(told.marks);
      freshen(tiles, figures(told, rate));
      freshen(lag, lagMatrix(told.lag));
      freshen(workers, workerTable(told.lag));
      freshen(silent, silentList(told));
      rejected.takeCounts(told.rejected_readings);
    } catch (error) {
      trouble.textContent = sentence(error.message);
    }
  }
  async function slowly() {
    await Promise.all([versions.refresh(), rejected.refresh(), showLatency(latency, client)]);
  }
  const quick = polling(quickly, EVERY_MS);
  const slow = polling(() => slowly().catch(() => {}), 3 * EVERY_MS);
  const late = () => showLatency(latency, client).catch(() => {});
  watch.addEventListener("alert", late);
  until(() => { quick.stop(); slow.stop(); watch.removeEventListener("alert", late); });
  await Promise.all([quick.first, slow.first]);
}

/** Readings a second, from how the marks of the partitions move on. */
class Rate {
  constructor() {
    this.seen = [];
    this.rates = [];
  }

  take(marks) {
    const offset = marks.reduce((sum, mark) => sum + mark.next_offset, 0);
    const newestMs = Math.max(0, ...marks.map((mark) => mark.received_at_ms));
    const now = { atMs: performance.now(), offset, newestMs };
    const before = this.seen.find((one) => now.atMs - one.atMs < 10_500) ?? null;
    if (before) this.rates.push([now.atMs, Math.max(0, (offset - before.offset) / ((now.atMs - before.atMs) / 1000))]);
    this.seen = [...this.seen, now].filter((one) => now.atMs - one.atMs < 10_500);
    this.rates = this.rates.slice(-RATES_KEPT);
  }

  get last() {
    return this.rates.at(-1)?.[1] ?? null;
  }
}

function figures({ lag, event_to_alert: latency, vehicles, rejected_readings: rejected, batch_view_version: version, batch_view_age_s: age }, rate) {
  const total = Object.values(rejected).reduce((sum, count) => sum + count, 0);
  const behind = (name) => {
    const group = lag.groups.find((one) => one.group === name);
    return group ? number(group.lag) : "–";
  };
  const course = sparkline(rate.rates, null, `Readings a second over the last minutes, now ${number(rate.last)}`);
  return [
    tile("readings a second", number(rate.last), course),
    tile("behind, hot path", behind("hot-path"), lag.detail ?? "readings"),
    tile("behind, cold path", behind("cold-path"), "until its next run"),
    tile("event to alert, median", latency.p50_ms === null ? "–" : delay(latency.p50_ms), latency.p50_ms === null ? "no alert in ten minutes" : `p99 ${delay(latency.p99_ms)}, ${counted(latency.alerts, "alert")} in ten minutes`),
    tile("batch view", version ? `version ${version}` : "–", age === null ? "none yet" : `${span(age * 1000)} old`),
    tile("cars heard", number(vehicles.heard), heardNote(vehicles)),
    tile("readings rejected", number(total), counted(Object.keys(rejected).length, "reason")),
  ];
}

function lagMatrix(lag) {
  if (lag.status !== "available") return empty(`Kafka does not tell: ${lag.detail ?? "no answer"}`, "The rest of this page comes from the store.");
  if (!lag.groups.length) return empty("No group reads anything yet.");
  const rows = lag.groups.flatMap((group) => group.topics.map((topic) => ({ group: group.group, ...topic })));
  const widest = Math.max(...rows.map((row) => Object.keys(row.by_partition).length));
  const partitions = [...Array(widest).keys()];
  return element("div", { className: "scroll", tabIndex: 0, role: "region", "aria-label": "Lag by group and partition" },
    element("table", { className: "matrix" }, element("caption", { className: "unseen" }, "Lag by group, topic and partition"),
      element("thead", {}, element("tr", {}, element("th", { scope: "col" }, "Group"), element("th", { scope: "col" }, "Topic"), element("th", { scope: "col", className: "number" }, "All"),
        partitions.map((partition) => element("th", { scope: "col", className: "number" }, String(partition))))),
      element("tbody", {}, rows.map((row, at) => element("tr", {},
        element("th", { scope: "row" }, rows[at - 1]?.group === row.group ? element("span", { className: "unseen" }, row.group) : row.group),
        element("td", {}, row.topic),
        element("td", { className: "number" }, element("b", {}, number(row.lag))),
        partitions.map((partition) => element("td", { className: `number lag-${row.group === "cold-path" ? 0 : step(row.by_partition[partition])}` },
          row.by_partition[partition] === undefined ? "" : number(row.by_partition[partition]))))))));
}

/** Who reads what; a group without members commits what it has read by itself, and so shares nothing out. */
function workerTable(lag) {
  if (lag.status !== "available") return empty("Kafka does not tell who reads.");
  const found = lag.groups.flatMap((group) => group.workers.map((worker) => ({ group: group.group, ...worker })));
  const alone = lag.groups.filter((group) => !group.workers.length).map((group) => group.group);
  const made = table("Workers by group", WORKERS, "No worker is a member of a group just now. Start one with `hot-path run`.");
  made.show(found);
  return [made.node, alone.length > 0 && element("p", { className: "soft" }, `Without members: ${alone.join(", ")}. These read by themselves, or only while they run.`)];
}

const WORKERS = [
  { title: "Group", cell: (worker) => worker.group },
  { title: "Worker", isWide: true, cell: (worker) => lines(worker.client_id, worker.member_id) },
  { title: "On", cell: (worker) => worker.host },
  { title: "Partitions", isNumber: true, cell: (worker) => number(worker.partitions.length) },
  { title: "Which", isWide: true, cell: (worker) => spans(worker.partitions) },
];

/** Partition numbers as few words: 0–5, 9. */
function spans(numbers) {
  const runs = [];
  for (const one of numbers) {
    if (runs.length && runs.at(-1)[1] === one - 1) runs.at(-1)[1] = one;
    else runs.push([one, one]);
  }
  return runs.map(([first, last]) => (first === last ? String(first) : `${first}–${last}`)).join(", ") || "none: more workers than partitions";
}

const step = (count) => (count === undefined ? "none" : count === 0 ? 0 : count < 100 ? 1 : count < 1000 ? 2 : 3);

async function showLatency(host, client) {
  const { alerts } = await client.ask("/v1/alerts", { limit: LATENCIES });
  const values = alerts.filter((alert) => alert.change === 1 && alert.rule !== "telematics_silence")
    .map((alert) => alert.available_at_ms - alert.received_at_ms).filter((ms) => ms >= 0).sort((one, other) => one - other);
  if (values.length < 3) {
    freshen(host, empty("Too few alerts yet.", "The histogram begins with the third."));
    return;
  }
  const at = (share) => values[Math.min(values.length - 1, Math.floor(share * values.length))];
  const [median, p95, p99] = [at(0.5), at(0.95), at(0.99)];
  const shown = values.filter((ms) => ms <= p95);
  const label = `Milliseconds from a reading at the broker to its alert at the broker, ${values.length} alerts: median ${median}, p99 ${p99}`;
  freshen(host, histogram(shown, { label, unit: "ms", digits: 0, marks: [{ at: median, text: `median ${median} ms` }] }),
    element("p", { className: "soft" }, `${counted(values.length, "alert")}, broker time to broker time. Not drawn are the slowest twentieth: p99 ${delay(p99)}, the slowest ${delay(values.at(-1))}.`));
}

function heardNote({ silent, registered, unwatched }) {
  return `${silent} silent, ${registered} registered` + (unwatched ? `, ${number(unwatched)} not watched: too many new ones` : "");
}

function silentList({ silent_vehicles: silent, vehicles }) {
  if (!silent.length) return empty("Every car that drives is heard.");
  return element("div", {}, element("p", { className: "soft" }, `${counted(vehicles.silent, "car")} stopped sending in the middle of a trip.`),
    element("ul", { className: "plain names" }, silent.map((vin) => element("li", {}, vehicleLink(vin)))));
}

/** Versions of the batch views; an administrator may go back to one. */
class Versions {
  constructor(client) {
    this.client = client;
    this.said = element("p", { className: "soft", role: "status" });
    this.table = table("Versions of the batch views", [
      { title: "Version", isNumber: true, cell: (version) => element("b", {}, String(version.version)) },
      { title: "Computed", cell: (version) => since(version.computed_at_ms) },
      { title: "Readings until", cell: (version) => moment(version.as_of_ms) },
      { title: "Trips", isNumber: true, cell: (version) => number(version.row_counts.trips) },
      { title: "Rules", cell: (version) => element("code", {}, version.rules_hash.slice(0, 8)) },
      { title: "", cell: (version) => (version.is_served ? element("span", { className: "badge good" }, "served") : this.#button(version.version)) },
    ], "No version is published yet. The cold path publishes one after its first run.");
    this.node = card("Versions of the batch views", this.said, this.table.node);
  }

  async refresh() {
    const told = await this.client.ask("/v1/views");
    this.table.show(told.versions);
  }

  #button(version) {
    return element("button", { type: "button", onclick: () => this.#rollBack(version) }, `Serve ${version}`);
  }

  async #rollBack(version) {
    try {
      await this.client.send(`/v1/views/${version}/rollback`);
      this.said.textContent = `Version ${version} is published again; it is served within moments.`;
      await this.refresh();
    } catch (error) {
      this.said.textContent = sentence(error.message);
    }
  }
}
