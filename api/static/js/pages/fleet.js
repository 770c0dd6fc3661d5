// Fleet: where the cars are and how they do, and both questions of the project at one glance.

import { element, freshen, card, empty, choice, fillChoice } from "../element.js";
import { delay, since, span } from "../format/time.js";
import { consumption, number, quantity } from "../format/units.js";
import { counted, ruleName, sentence } from "../format/words.js";
import { listen } from "../live/alert_watch.js";
import { PositionWatch } from "../live/positions.js";
import { roads } from "../live/roads.js";
import { CanvasMap } from "../map/canvas_map.js";
import { FleetLayer } from "../map/fleet_layer.js";
import { HEALTH, Vehicles } from "../map/vehicles.js";
import { badge, vehicleLink } from "../parts/badges.js";
import { tile } from "../parts/table.js";
import { polling } from "../polling.js";
import { link, remember } from "../router.js";

export const title = "Fleet";

const SHOWN = 6;
const MOST_NAMED = 10_000;
const EVERY_MS = 3000;
const LATELY_MS = 600_000;

export async function mount(root, { client, watch, params, until }) {
  const vehicles = new Vehicles();
  const layer = new FleetLayer(vehicles);
  layer.isGrouping = params.get("group") !== "no";
  const map = new CanvasMap("Map of the fleet. Arrow keys move it, plus and minus zoom, Enter opens the car in the middle.");
  const filters = new Filters(params, () => refilter());
  const hint = element("div", { className: "hint", hidden: true });
  const note = element("p", { className: "map-note", role: "status" }, "Asking where the cars are …");
  const side = element("div", { className: "side" });
  map.node.append(hint, note, legend());
  root.append(element("div", { className: "split" },
    element("section", { className: "stage", "aria-label": "Map of the fleet" }, filters.node, map.node), side));
  map.addMover(layer);
  let isPlaced = false;

  function refilter() {
    vehicles.filter((facts) => filters.wants(facts));
    map.wake();
  }

  const positions = new PositionWatch(client, vehicles, {
    took() {
      refilter();
      const missing = vehicles.count === 0;
      note.hidden = !missing;
      if (missing) note.textContent = "No car has said yet where it is. Start the fleet with `simulator run`, or wait for its first readings.";
      if (!isPlaced && vehicles.count) isPlaced = place(map, vehicles);
    },
    failed(problem) {
      note.hidden = false;
      note.textContent = sentence(problem.message);
    },
  });
  map.listeners.move = () => positions.look(map.camera.bounds(0.1));
  map.listeners.click = (x, y) => {
    const found = layer.near(x, y, map.camera);
    if (found?.vehicle) location.hash = link("vehicles", found.vehicle.vehicle_id);
    else if (found) {
      map.isChosenByHand = true;
      map.camera.zoomAt(found.x, found.y, 1.5);
      map.changed();
    }
  };
  map.listeners.hover = (x, y) => showHint(hint, x === null ? null : layer.near(x, y, map.camera), filters);
  roads(client).then((network) => {
    map.setRoads(network);
    if (!network.length) map.node.dataset.roads = "none";
  }).catch(() => {});
  nameVehicles(client, filters, until).then(refilter).catch(() => {});
  const overview = polling(() => showSide(side, client, watch), EVERY_MS);
  const follow = () => {
    filters.takeAlerts(watch.attention);
    refilter();
    overview.now();
  };
  if (watch.attention) filters.takeAlerts(watch.attention);
  until(listen(watch, "attention", follow));
  until(() => { overview.stop(); positions.close(); map.close(); delete globalThis.fleetMap; });
  globalThis.fleetMap = { map, layer, vehicles }; // for measuring frames from outside
}

/** What is filtered by: model, state and rule. */
class Filters {
  constructor(params, changed) {
    this.wanted = Object.fromEntries(["model", "state", "rule"].map((name) => [name, params.get(name) ?? ""]));
    this.models = new Map();
    this.rules = new Map();
    const change = (name) => (value) => {
      this.wanted[name] = value;
      remember({ [name]: value });
      changed();
    };
    const states = [["", "all states"], ...HEALTH.map((health) => [health, health === "healthy" ? "nothing open" : health])];
    this.node = element("div", { className: "filters" },
      choice("Model", this.#options("model", "all models"), this.wanted.model, change("model"), { id: "model" }),
      choice("State", states, this.wanted.state, change("state"), { id: "state" }),
      choice("Rule", this.#options("rule", "all rules"), this.wanted.rule, change("rule"), { id: "rule" }));
  }

  wants({ vehicle_id: vin, severity, is_silent: isSilent }) {
    const { model, state, rule } = this.wanted;
    if (model && this.models.get(vin)?.model !== model) return false;
    if (state && !(state === "silent" ? isSilent : (severity ?? (isSilent ? "" : "healthy")) === state)) return false;
    return !rule || (this.rules.get(vin)?.has(rule) ?? false);
  }

  takeModels(items) {
    for (const item of items) this.models.set(item.vehicle_id, item);
    const models = [...new Set([...this.models.values()].map((one) => one.model).filter(Boolean))].sort();
    fillChoice(this.node.querySelector("#model"), this.#options("model", "all models", models), this.wanted.model);
  }

  takeAlerts(attention) {
    this.rules = new Map((attention?.vehicles ?? []).map((one) => [one.vehicle_id, new Set(one.alerts.map((alert) => alert.rule))]));
    const rules = [...new Set([...this.rules.values()].flatMap((some) => [...some]))].sort();
    const select = this.node.querySelector("#rule");
    const options = this.#options("rule", "all rules", rules);
    if (select.options.length !== options.length) fillChoice(select, options, this.wanted.rule);
  }

  #options(name, all, found = []) {
    const values = this.wanted[name] && !found.includes(this.wanted[name]) ? [this.wanted[name], ...found] : found;
    return [["", all], ...values.map((value) => [value, name === "rule" ? ruleName(value) : value])];
  }
}

async function nameVehicles(client, filters, until) {
  let isLeft = false;
  until(() => { isLeft = true; });
  let [cursor, named] = [null, 0];
  do {
    const page = await client.ask("/v1/vehicles", { limit: 500, cursor });
    filters.takeModels(page.vehicles);
    named += page.vehicles.length;
    cursor = page.next_cursor;
  } while (cursor && named < MOST_NAMED && !isLeft);
}

function place(map, vehicles) {
  map.fit(vehicles.bounds());
  return true;
}


function showHint(hint, found, filters) {
  hint.hidden = !found;
  if (!found) return;
  hint.style.left = `${found.x}px`;
  hint.style.top = `${found.y}px`;
  if (found.cluster) {
    hint.replaceChildren(counted(found.cluster.count, "car"), element("span", { className: "soft below" }, "Click to look closer"));
    return;
  }
  const { vehicle_id: vin, speed_kmh: speed, severity, is_silent: isSilent, received_at_ms: at } = found.vehicle;
  hint.replaceChildren(element("b", { className: "vin" }, vin),
    element("span", { className: "soft below" }, filters.models.get(vin)?.model ?? "not in the registry"),
    element("span", { className: "below" }, isSilent ? "silent, last heard " : `${quantity(speed, "kmh")}, `, since(at)),
    severity && badge(severity));
}

function legend() {
  const items = HEALTH.map((health) => element("li", {}, element("span", { className: `dot ${health}` }), health === "healthy" ? "nothing open" : health));
  return element("ul", { className: "legend", "aria-label": "Colours" }, items);
}

async function showSide(side, client, watch) {
  const attention = watch.attention;
  const [pipeline, best] = await Promise.all([
    client.ask("/v1/pipeline", { latency_since_ms: Date.now() - LATELY_MS }).catch(() => null),
    client.ask("/v1/rankings/fuel-efficiency", { limit: SHOWN }).catch(() => null),
  ]);
  const tiles = element("section", { className: "tiles", "aria-label": "Figures" }, figures(attention, pipeline));
  freshen(side, tiles, attentionCard(attention, watch.problem), frugalCard(best));
}

function figures(attention, pipeline) {
  const needs = attention?.vehicles_in_need;
  const latency = pipeline?.event_to_alert;
  const age = pipeline?.batch_view_age_s;
  return [
    tile("need attention", number(needs), null, needs ? "bad" : "good"),
    tile("cars heard", number(pipeline?.vehicles.heard), pipeline && `${pipeline.vehicles.silent} silent`),
    tile("event to alert", latency?.p50_ms == null ? "–" : delay(latency.p50_ms), latency?.p99_ms == null ? "no alert lately" : `p99 ${delay(latency.p99_ms)} lately`),
    tile("batch view", pipeline?.batch_view_version ? `v${pipeline.batch_view_version}` : "–", age === null || !pipeline ? "none yet" : `${span(age * 1000)} old`),
  ];
}

function attentionCard(attention, problem) {
  const items = (attention?.vehicles ?? []).slice(0, SHOWN).map((item) =>
    element("li", { className: item.needs_attention ? "" : "calm" }, badge(item.severity), " ", vehicleLink(item.vehicle_id),
      element("span", { className: "below" }, item.message), element("span", { className: "soft below" }, item.model, " · ", since(item.since_ms))));
  const nothing = attention ? empty("No car needs attention.") : empty(sentence(problem?.message ?? "Asking …"));
  return card("Which car needs attention?", items.length ? element("ol", { className: "plain" }, items) : nothing,
    element("a", { className: "more", href: link("attention") }, attention?.vehicles.length > SHOWN ? `All ${attention.vehicles_in_need}` : "Open attention"));
}

function frugalCard(ranking) {
  const items = (ranking?.places ?? []).map((place) =>
    element("li", { className: "ranked" }, element("span", { className: "soft number" }, String(place.rank)),
      element("span", {}, vehicleLink(place.key, place.model ?? place.key), element("span", { className: "soft below" }, sentence(place.fleet ?? "no fleet"))),
      element("b", { className: "number" }, consumption(place.litres_per_100km))));
  const nothing = empty("Nothing is ranked yet.", "A ranking needs 5 km of driving in the period.");
  return card("Which car is most fuel efficient?", items.length ? element("ol", { className: "plain" }, items) : nothing,
    element("a", { className: "more", href: link("efficiency") }, "Open the ranking"));
}
