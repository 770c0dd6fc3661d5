// Efficiency: who is frugal, how the fleet is spread, and what each layer of the architecture knows.

import { card, choice, element, empty, freshen, pageTitle, switcher } from "../element.js";
import { moment, since } from "../format/time.js";
import { consumption, distance, fuel, number, unit } from "../format/units.js";
import { counted, sentence } from "../format/words.js";
import { histogram } from "../charts/histogram.js";
import { vehicleLink } from "../parts/badges.js";
import { facts, lines, table, tile } from "../parts/table.js";
import { polling } from "../polling.js";
import { remember } from "../router.js";

export const title = "Efficiency";

const EVERY_MS = 6000;
const MOST = 500;
const PERIODS = [["last_7_days", "last 7 days"], ["last_30_days", "last 30 days"], ["day", "one day (UTC)"], ["week", "one week"], ["month", "one month"]];
const LAYERS = [["merged", "Merged"], ["batch", "Batch only"], ["speed", "Speed only"]];
const MEASURES = [["litres", "fuel a distance"], ["index", "index of the car"], ["driver", "index of the driver"]];
const PATH = "/v1/rankings/fuel-efficiency";

export async function mount(root, { client, params, until }) {
  const wanted = {
    scope: params.get("scope") ?? "vehicle", period_kind: params.get("period_kind") ?? "last_7_days",
    period: params.get("period") ?? "", view: params.get("view") ?? "merged", order: params.get("order") ?? "best", by: params.get("by") ?? "litres",
  };
  const [layers, plot, spread, extremes] = [element("div", { className: "layers" }), element("div"), element("p", { className: "soft" }), element("div")];
  const ranking = new RankingTable();
  const period = periodField(wanted, change);
  const said = element("p", { className: "soft", role: "status" });

  function change(name, value) {
    wanted[name] = value;
    if (name === "period_kind") period.show(value);
    remember({ [name]: value });
    asking.now();
  }
  const download = element("button", { type: "button", onclick: () => exportCsv(client, wanted).catch((error) => { said.textContent = error.message; }) }, "Export CSV");
  root.append(pageTitle("Which car is most fuel efficient?", said),
    element("div", { className: "filters" },
      switcher("Layer", LAYERS, wanted.view, (value) => change("view", value)),
      choice("Rank", [["vehicle", "vehicles"], ["model", "models"], ["fleet", "fleets"]], wanted.scope, (value) => change("scope", value)),
      choice("Period", PERIODS, wanted.period_kind, (value) => change("period_kind", value)), period.node,
      choice("By", MEASURES, wanted.by, (value) => change("by", value)),
      choice("Order", [["best", "best first"], ["worst", "worst first"]], wanted.order, (value) => change("order", value)), download),
    card("What each layer knows", layers),
    element("div", { className: "columns" },
      card("Ranking", ranking.node), element("div", { className: "stack" }, card("How they are spread", plot, spread), extremes)));

  async function refresh() {
    try {
      const asked = { ...wanted, period: wanted.period || null, limit: MOST };
      const [told] = await Promise.all([client.ask(PATH, asked), showLayers(layers, client, wanted)]);
      said.textContent = "";
      ranking.show(told);
      showSpread(plot, spread, told);
      freshen(extremes, told.places.length > 1 && card("Best and worst", bestAndWorst(told)));
    } catch (error) {
      said.textContent = sentence(error.message);
    }
  }
  const asking = polling(refresh, EVERY_MS);
  until(() => asking.stop());
  await asking.first;
}

function periodField(wanted, change) {
  const input = element("input", { id: "period", value: wanted.period, onchange: () => change("period", input.value.trim()) });
  const node = element("label", { className: "field" }, element("span", {}, "which one"), input);
  const show = (kind) => {
    node.hidden = kind.startsWith("last");
    input.placeholder = { day: "2026-11-21", week: "2026-W47", month: "2026-11" }[kind] ?? "";
    input.value = "";
    wanted.period = "";
  };
  const given = wanted.period;
  show(wanted.period_kind);
  input.value = wanted.period = given;
  return { node, show };
}

/** The ranking; what the API does not tell (yet) has no column. */
class RankingTable {
  constructor() {
    this.node = element("div");
  }

  show(told) {
    const hasIndex = told.places.some((place) => Number.isFinite(place.efficiency_index));
    const key = { vehicle: "Vehicle", model: "Model", fleet: "Fleet" }[told.scope];
    const columns = [
      { title: "#", isNumber: true, cell: (place) => String(place.rank) },
      { title: key, isWide: true, cell: (place) => named(told.scope, place) },
      { title: unit("l100").text, isNumber: true, cell: (place) => element("b", {}, number(unit("l100").convert(place.litres_per_100km), unit("l100").digits)) },
      hasIndex && { title: "Index", isNumber: true, cell: (place) => number(place.efficiency_index, 0) },
      hasIndex && { title: "Driver", isNumber: true, cell: (place) => number(place.driver_index, 0) },
      { title: "g CO₂/km", isNumber: true, cell: (place) => number(place.co2_g_per_km, 0) },
      { title: "Distance", isNumber: true, cell: (place) => distance(place.distance_m) },
      { title: "Trips", isNumber: true, cell: (place) => number(place.trips) },
    ].filter(Boolean);
    const made = table("Ranking by fuel efficiency", columns, `Nothing is ranked: it takes ${distance(told.shortest_distance_m)} of driving in the period. Choose a longer period or another layer.`);
    made.show(told.places);
    made.node.classList.add("tall");
    freshen(this.node, element("p", { className: "soft" }, `${counted(told.ranked, "place")} since ${told.period} (UTC)`,
      told.as_of_ms && [", as of ", since(told.as_of_ms)], hasIndex && ". Indexes are the batch version's: fuel burnt over what physics asks for that driving, and the driving done over smooth driving of the same; 100 is par, less is better."), made.node);
  }
}

function named(scope, place) {
  if (scope !== "vehicle") return place.key;
  return lines(vehicleLink(place.key), [place.model, place.fleet].filter(Boolean).join(" · "));
}

/** The Lambda architecture made visible: kilometres and fuel as batch, speed and both tell them. */
async function showLayers(host, client, { period_kind: kind, period }) {
  const asked = LAYERS.map(([view]) => client.ask(PATH, { scope: "fleet", period_kind: kind, period, view, limit: MOST }));
  const [versions, ...told] = await Promise.all([client.askIfThere("/v1/views"), ...asked]);
  const served = versions?.versions.find((version) => version.is_served);
  const [merged, batch, speed] = told.map(summed);
  const age = served ? [`version ${served.version}, computed `, since(served.computed_at_ms)] : "no version is published yet";
  freshen(host,
    tile("Batch layer", distance(batch.metres), age), element("span", { className: "plus", "aria-hidden": "true" }, "⊕"),
    tile("Speed layer", distance(speed.metres), speed.asOfMs ? ["live, as of ", since(speed.asOfMs)] : "no live trip yet"),
    element("span", { className: "plus", "aria-hidden": "true" }, "="),
    tile("Merged", distance(merged.metres), [fuel(merged.millilitres), " · ", consumption(merged.metres ? (merged.millilitres / merged.metres) * 100 : null)]),
    element("p", { className: "soft grow" }, "For each trip the maximum of both layers counts, so what both know is counted once. ",
      served && ["The batch view holds readings until ", moment(served.as_of_ms), `; the speed layer adds ${distance(Math.max(0, merged.metres - batch.metres))} to it.`]));
}

function summed(ranking) {
  const sum = (name) => ranking.places.reduce((total, place) => total + place[name], 0);
  return { metres: sum("distance_m"), millilitres: sum("fuel_ml"), asOfMs: ranking.places.length ? ranking.as_of_ms : null };
}

function showSpread(plot, spread, { places }) {
  if (places.length < 3) {
    freshen(plot, empty("Too few are ranked to show how they are spread."));
    spread.textContent = "";
    return;
  }
  const { text, convert, digits } = unit("l100");
  const values = places.map((place) => convert(place.litres_per_100km)).sort((one, other) => one - other);
  const quantile = (share) => values[Math.min(values.length - 1, Math.floor(share * values.length))];
  const [low, median, high] = [0.1, 0.5, 0.9].map(quantile);
  const label = `${values.length} places from ${values[0].toFixed(digits)} to ${values.at(-1).toFixed(digits)} ${text}, median ${median.toFixed(digits)}`;
  freshen(plot, histogram(values, { label, unit: text, digits: 1, marks: [{ at: median, text: `median ${median.toFixed(digits)}` }] }));
  spread.textContent = `Eight of ten lie between ${low.toFixed(digits)} and ${high.toFixed(digits)} ${text}.`;
}

function bestAndWorst({ places, order }) {
  const [first, last] = [places[0], places.at(-1)];
  const [best, worst] = order === "best" ? [first, last] : [last, first];
  const told = (word, place) => element("div", {}, element("h3", {}, word),
    element("p", {}, element("b", {}, place.model ? [vehicleLink(place.key), " ", place.model] : place.key), ": ", consumption(place.litres_per_100km)),
    facts([["Distance", distance(place.distance_m)], ["Trips", number(place.trips)], ["Index", place.efficiency_index && number(place.efficiency_index)],
      ["Driver index", place.driver_index && number(place.driver_index)]]), reason(place, places));
  return element("div", { className: "pair" }, told("Best", best), told("Worst", worst));
}

/** Why, as far as the figures say: the car by its model's median, the rest by the index where there is one. */
function reason(place, places) {
  if (!place.model) return null;
  const median = (some) => some.map((one) => one.litres_per_100km).sort((one, other) => one - other)[Math.floor(some.length / 2)];
  const same = places.filter((one) => one.model === place.model);
  const [all, ofModel] = [median(places), median(same)];
  const share = (part, whole) => `${Math.abs(Math.round((part / whole - 1) * 100))} % ${part < whole ? "below" : "above"}`;
  const car = `The car: its model's median is ${share(ofModel, all)} the median of all.`;
  const rest = same.length > 1 ? ` Driver, load and roads: this one is ${share(place.litres_per_100km, ofModel)} its model's median.` : " It is the only one of its model.";
  const driver = place.driver_index && ` The driver: ${share(place.driver_index, 100)} what smooth driving of the same takes.`;
  return element("p", { className: "soft" }, car, rest, driver);
}

async function exportCsv(client, wanted) {
  const { scope, period_kind: kind, period, view, order, by } = wanted;
  const response = await client.open(PATH, { params: { scope, period_kind: kind, period, view, order, by }, headers: { accept: "text/csv" } });
  const address = URL.createObjectURL(await response.blob());
  element("a", { href: address, download: `fuel-efficiency-${scope}-${kind}-${view}.csv` }).click();
  setTimeout(() => URL.revokeObjectURL(address), 10_000);
}
