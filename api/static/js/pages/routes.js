// Routes: the frugal, the fast and the short way between two places, and where the fleet lost fuel on the road.

import { card, choice, element, empty, pageTitle } from "../element.js";
import { consumption, distance, fuel, number, quantity } from "../format/units.js";
import { minutes } from "../format/time.js";
import { counted } from "../format/words.js";
import { Heat } from "../map/heat.js";
import { CanvasMap } from "../map/canvas_map.js";
import { boundsOf, latitudeOf, longitudeOf } from "../map/camera.js";
import { RouteLayer } from "../map/route_layer.js";
import { ways } from "../map/roads.js";
import { table } from "../parts/table.js";
import { remember } from "../router.js";

export const title = "Routes";

const NAMES = { fuel: "Frugal", time: "Fast", distance: "Short" };
const ORDER = ["fuel", "time", "distance"];

export async function mount(root, { client, params, until }) {
  const wanted = {
    from: params.get("from") ?? "", to: params.get("to") ?? "",
    vehicle_class: params.get("vehicle_class") ?? "medium", time_of_day: params.get("time_of_day") ?? "all",
  };
  const map = new CanvasMap("Map of the roads. Click or press Enter to choose where the route begins, then where it ends.");
  const [layer, heat] = [new RouteLayer(), new Heat()];
  map.addMover(layer);
  map.addBackdrop((context, camera, colours) => heat.draw(context, camera, colours));
  const fields = Object.fromEntries(["from", "to"].map((name) => [name, placeField(name, wanted, () => search())]));
  const said = element("p", { className: "soft lead reserved", role: "status" }, "Click two places on the map, or write streets such as “East Colfax Avenue & Broadway”.");
  const [compare, losses, streets] = [element("div", { className: "ways" }), element("div"), element("datalist", { id: "streets" })];
  const change = (name) => (value) => { wanted[name] = value; remember({ [name]: value }); search(); showRoads(); };
  const form = element("form", { className: "filters", onsubmit: (event) => { event.preventDefault(); search(); } },
    fields.from.node, fields.to.node,
    choice("Car", [["light", "light"], ["medium", "medium"], ["heavy", "heavy"]], wanted.vehicle_class, change("vehicle_class")),
    choice("Time", [["all", "all day"], "night", "morning", "day", "evening"], wanted.time_of_day, change("time_of_day")),
    element("button", { className: "primary" }, "Find the ways"),
    element("button", { type: "button", onclick: clear }, "Clear"));
  const shade = choice("Heat", [["none", "none"], ["l100", "fuel a distance"], ["total", "fuel burnt there"]], "none", (kind) => {
    heat.show(kind);
    legend.replaceChildren(...heat.legend());
    map.redraw();
  });
  const legend = element("div", { className: "heat-legend" });
  root.append(pageTitle("Which way saves fuel?", said), form, streets,
    element("div", { className: "split" },
      element("section", { className: "stage", "aria-label": "Map of the routes" }, element("div", { className: "filters" }, shade, legend), map.node),
      element("div", { className: "side" }, compare)),
    card("Where the fleet lost fuel on the road", losses));
  map.listeners.click = (x, y) => {
    const [worldX, worldY] = map.camera.fromScreen(x, y);
    const place = `${latitudeOf(worldY).toFixed(5)},${longitudeOf(worldX).toFixed(5)}`;
    const name = wanted.from && !wanted.to ? "to" : "from";
    if (name === "from") clear();
    fields[name].set(place);
    search();
  };
  until(() => map.close());

  function clear() {
    fields.from.set("");
    fields.to.set("");
    layer.clear();
    compare.replaceChildren();
    map.wake();
  }

  async function search() {
    remember({ from: wanted.from, to: wanted.to });
    layer.ends = [wanted.from, wanted.to].map(position).filter(Boolean);
    map.wake();
    if (!wanted.from || !wanted.to) return;
    try {
      const told = await cheapest(client, wanted);
      layer.take(told);
      compare.replaceChildren(...compared(told));
      said.textContent = `From ${told.from.name} to ${told.to.name}; costs: ${told.costs}${told.batch_view_version ? `, batch version ${told.batch_view_version}` : ""}.`;
      map.fit(layer.bounds());
    } catch (error) {
      layer.clear();
      compare.replaceChildren();
      map.wake();
      said.textContent = error.status === 404 && !error.message.includes(" ") ? "This API has no routes." : error.message;
    }
  }

  async function showRoads() {
    const told = await client.askIfThere("/v1/roads", { vehicle_class: wanted.vehicle_class, time_of_day: wanted.time_of_day });
    if (!told?.features?.length) {
      said.textContent = "This API has no road network, so there is nothing to route on.";
      return;
    }
    const network = ways(told.features);
    heat.take(told.features);
    map.setRoads(network);
    const names = [...new Set(told.features.map((feature) => feature.properties.name).filter(Boolean))].sort();
    streets.replaceChildren(...names.map((name) => element("option", { value: name })));
    if (!map.wanted) map.fit(boundsOf(told.features.flatMap((feature) => feature.geometry.coordinates)));
  }

  await showRoads().catch((error) => { said.textContent = error.message; });
  await showLosses(losses, client);
  if (wanted.from && wanted.to) await search();
}

/** Asks for the ways; while nobody knows what roads cost in fuel, those by time and distance. */
async function cheapest(client, wanted) {
  try {
    return await client.ask("/v1/routes", wanted);
  } catch (error) {
    if (error.status !== 503) throw error;
    return client.ask("/v1/routes", { ...wanted, by: "time" });
  }
}

function placeField(name, wanted, changed) {
  const input = element("input", {
    name, value: wanted[name], placeholder: "street, crossing or lat,lon", autocomplete: "off",
    onchange: () => { wanted[name] = input.value.trim(); changed(); },
  });
  input.setAttribute("list", "streets");
  const set = (value) => { wanted[name] = value; input.value = value; };
  return { node: element("label", { className: "field grow" }, element("span", {}, name === "from" ? "From" : "To"), input), set };
}

function position(text) {
  const found = /^\s*(-?\d+(?:\.\d+)?)\s*,\s*(-?\d+(?:\.\d+)?)\s*$/.exec(text);
  return found ? [Number(found[2]), Number(found[1])] : null;
}

/** The three ways side by side; where two are the same way it says so. */
function compared({ features }) {
  const by = Object.fromEntries(features.map((feature) => [feature.id, feature.properties]));
  const fast = by.time;
  return ORDER.filter((kind) => by[kind]).map((kind) => {
    const way = by[kind];
    const twin = ORDER.find((other) => other !== kind && by[other] && same(by[other], way));
    return element("section", { className: `card way way-${kind}`, "aria-label": `${NAMES[kind]} way` },
      element("h2", {}, element("span", { className: `swatch way-${kind}` }), NAMES[kind]),
      element("dl", { className: "facts" }, [
        ["Fuel", way.fuel_ml === null ? "not known yet" : fuel(way.fuel_ml)], ["Time", minutes(way.seconds)],
        ["Distance", distance(way.distance_m)], ["Consumption", consumption(way.litres_per_100km)],
      ].map(([term, value]) => element("div", {}, element("dt", {}, term), element("dd", {}, value)))),
      element("p", { className: "soft" }, twin ? `The same way as the ${NAMES[twin].toLowerCase()} one.` : differs(kind, way, fast)),
      element("details", {}, element("summary", {}, counted(way.streets.length, "street")), element("ol", {}, way.streets.map((street) => element("li", {}, street)))));
  });
}

const same = (one, other) => one.segment_ids.join() === other.segment_ids.join();

function differs(kind, way, fast) {
  if (kind === "time" || !fast) return "The least time.";
  const parts = [];
  if (way.fuel_ml !== null && fast.fuel_ml) parts.push(told((way.fuel_ml / fast.fuel_ml - 1) * 100, "fuel"));
  parts.push(told((way.seconds / fast.seconds - 1) * 100, "time"), told((way.distance_m / fast.distance_m - 1) * 100, "distance"));
  return `Beside the fast way: ${parts.join(", ")}.`;
}

const told = (percent, what) => (Math.abs(percent) < 0.5 ? `the same ${what}` : `${number(Math.abs(percent))} % ${percent < 0 ? "less" : "more"} ${what}`);

async function showLosses(host, client) {
  const answer = await client.askIfThere("/v1/route-savings", { limit: 20 });
  if (!answer) {
    host.replaceChildren(empty("What routes would have saved is not told here.", "It needs a version of the batch views that matched trips to roads, and a key that sees positions."));
    return;
  }
  const made = table("Where the fleet lost fuel, most first", [
    { title: "From … to", isWide: true, cell: (one) => one.key },
    { title: "Legs", isNumber: true, cell: (one) => number(one.legs) },
    { title: "Driven at", isNumber: true, cell: (one) => fuel(one.expected_fuel_ml) },
    { title: "Frugal way", isNumber: true, cell: (one) => fuel(one.frugal_fuel_ml) },
    { title: "Would save", isNumber: true, cell: (one) => element("b", {}, fuel(one.saved_fuel_ml)) },
    { title: "Share", isNumber: true, cell: (one) => quantity(one.saved_pct, "pct") },
  ], "No matched trip is known yet. The cold path learns roads from trips when it runs.");
  made.show(answer.savings);
  host.replaceChildren(made.node);
}
