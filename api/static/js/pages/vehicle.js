// One vehicle: how it does now, where it is, its trips, its fuel efficiency over time, its alerts.

import { card, element, empty, freshen, switcher } from "../element.js";
import { moment, since } from "../format/time.js";
import { distance, fuel, quantity } from "../format/units.js";
import { ruleName, signalName, unitOf } from "../format/words.js";
import { listen } from "../live/alert_watch.js";
import { roads } from "../live/roads.js";
import { CanvasMap } from "../map/canvas_map.js";
import { TrailLayer } from "../map/trail_layer.js";
import { alertLink, badge, standing } from "../parts/badges.js";
import { efficiencyOverTime } from "../parts/efficiency_over_time.js";
import { snapshots } from "../parts/snapshots.js";
import { facts, lines, table } from "../parts/table.js";
import { Trips } from "../parts/trips.js";
import { polling } from "../polling.js";
import { remember } from "../router.js";

export const title = "Vehicle";

const EVERY_MS = 2000;
const FAR_M = 5000;
const HIDDEN = new Set(["vehicle_id", "sequence", "recorded_at_ms", "trip_started_at_ms", "latitude_deg", "longitude_deg", "ignition_on"]);

export async function mount(root, context) {
  const { client, watch, subject: vin, params, until } = context;
  const first = await client.ask(`/v1/vehicles/${encodeURIComponent(vin)}`);
  const [head, signals, averages, trips] = [1, 2, 3, 4].map(() => element("div"));
  const pictures = element("div");
  const alerts = table("Alerts of this vehicle", ALERTS, "No alert is known of this car.");
  const driven = new Trips(client, vin, (ways, last) => {
    trail.takeWays(ways);
    if (last.length) {
      map.fit(trail.boundsOf(last));
      map.node.scrollIntoView({ block: "nearest" });
    }
    map.redraw();
  });
  const over = element("div", { className: "chart" });
  const map = new CanvasMap(`Map: where ${vin} is, where it drove while this page was open, the ways of trips that are chosen below, and where alerts were raised.`);
  const trail = new TrailLayer();
  map.addMover(trail);
  map.addBackdrop((drawing, camera, colours) => trail.drawPath(drawing, camera, colours));
  let view = params.get("view") ?? "merged";
  const layers = switcher("Layer", LAYERS, view, (chosen) => {
    view = chosen;
    remember({ view });
    slow.now();
  });
  root.append(head, element("div", { className: "columns level" },
    element("div", { className: "stack" }, card("Newest signals", signals), card("Last five minutes", averages), pictures),
    element("section", { className: "card flush", "aria-label": "Map" }, map.node)),
  element("div", { className: "columns" },
    card("Fuel efficiency over time", layers, over, trips), card("Trips", driven.node)),
  card("Alerts", alerts.node));
  roads(client).then((network) => map.setRoads(network)).catch(() => {});

  async function now() {
    const told = await client.ask(`/v1/vehicles/${encodeURIComponent(vin)}`);
    show(told);
  }
  function show(told) {
    freshen(head, header(told));
    freshen(signals, told.reading ? readingFacts(told.reading) : empty("No reading has come from this car yet."));
    freshen(averages, told.averages ? averageFacts(told.averages) : empty("No averages yet."));
    if (trail.take(told)) map.fit(trail.bounds());
    map.redraw();
  }
  async function slowly() {
    const [history, told] = await Promise.all([
      client.ask("/v1/alerts", { vehicle_id: vin, limit: 50 }), client.ask(`/v1/vehicles/${encodeURIComponent(vin)}/trips`, { view, limit: 20 }),
    ]);
    alerts.show(history.alerts);
    trail.takeAlerts(history.alerts);
    driven.show(told.trips);
    await efficiencyOverTime(over, trips, client, { vin, model: first.model, view });
    map.redraw();
  }
  show(first);
  const quick = polling(() => now().catch(() => {}), EVERY_MS);
  const slow = polling(() => slowly().catch((error) => trips.replaceChildren(empty(error.message))), 15 * EVERY_MS);
  until(() => { quick.stop(); slow.stop(); map.close(); });
  until(listen(watch, "alert", (event) => { if (event.detail.vehicle_id === vin) { quick.now(); slow.now(); } }));
  await Promise.all([slow.first, snapshots(pictures, client, vin)]);
}

const LAYERS = [["merged", "Merged"], ["batch", "Batch"], ["speed", "Speed"]];

function header({ vehicle_id: vin, model, fleet, is_silent: isSilent, last_received_at_ms: heardMs, alerts, open_alerts: open, registry }) {
  const worst = alerts[0];
  return element("section", { className: `card banner ${worst?.severity ?? ""}`, "aria-label": "Vehicle" },
    element("h1", {}, element("span", { className: "vin" }, vin)),
    element("p", { className: "soft lead" }, [model ?? "not in the registry", fleet].filter(Boolean).join(" · ")),
    element("p", { className: "row" }, worst ? badge(worst.severity) : element("span", { className: "badge good" }, "nothing open"),
      worst && alertLink(worst.alert_id, worst.message), open > 1 && element("span", { className: "soft" }, `and ${open - 1} more`)),
    facts([
      ["Last heard", heardMs && [since(heardMs), isSilent && " (silent)"]],
      ["Mass", registry?.mass_kg && `${Math.round(registry.mass_kg).toLocaleString()} kg`],
      ["Engine", registry?.displacement_l && `${registry.displacement_l} L`],
      ["Tyres, placard", registry?.placard_kpa && quantity(registry.placard_kpa, "kpa")],
    ]));
}

function readingFacts(reading) {
  const shown = Object.entries(reading).filter(([name]) => !HIDDEN.has(name));
  return element("div", {}, element("p", { className: "soft" }, "At ", moment(reading.recorded_at_ms), ", ", since(reading.recorded_at_ms)),
    facts(shown.map(([name, value]) => [signalName(name), told(name, value)])));
}

const averageFacts = (averages) => facts(Object.entries(averages).map(([name, value]) => [signalName(name), told(name, value)]));

function told(name, value) {
  if (Array.isArray(value)) return value.map((one) => (typeof one === "number" ? quantity(one, unitOf(name)) : String(one))).join(", ") || "none";
  if (typeof value !== "number") return String(value);
  if (unitOf(name) === "ml") return fuel(value);
  return unitOf(name) === "m" && value >= FAR_M ? distance(value) : quantity(value, unitOf(name));
}

const ALERTS = [
  { title: "Raised", cell: (alert) => moment(alert.raised_at_ms) },
  { title: "Severity", cell: (alert) => badge(alert.severity) },
  { title: "What", isWide: true, cell: (alert) => lines(alertLink(alert.alert_id, alert.message), ruleName(alert.rule)) },
  { title: "State", cell: (alert) => standing(alert) },
  { title: "Who", cell: (alert) => [alert.acknowledged_by && `acknowledged by ${alert.acknowledged_by}`, alert.resolved_by && `resolved by ${alert.resolved_by}`].filter(Boolean).join(", ") || "–" },
];
