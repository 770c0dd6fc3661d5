// The trips of a vehicle, and on the map the ways of those that somebody wants to see.

import { element } from "../element.js";
import { moment } from "../format/time.js";
import { consumption, distance, fuel } from "../format/units.js";
import { counted, sentence } from "../format/words.js";
import { table } from "./table.js";

export class Trips {
  /** `drawn(ways)` is called with the GeoJSON lines of all trips that are shown, and the trip that was shown last. */
  constructor(client, vin, drawn) {
    Object.assign(this, { client, vin, drawn });
    this.ways = new Map();
    this.said = element("p", { className: "soft", role: "status" });
    this.table = table("Trips, latest first", this.#columns(), "No trip is known of this car.");
    this.node = element("div", {}, this.table.node, this.said);
  }

  show(trips) {
    this.trips = trips;
    this.table.show(trips);
  }

  #columns() {
    return [
      { title: "Began", cell: (trip) => moment(trip.trip_started_at_ms) },
      { title: "Until", cell: (trip) => moment(trip.ended_at_ms) },
      { title: "Distance", isNumber: true, cell: (trip) => distance(trip.distance_m) },
      { title: "Fuel", isNumber: true, cell: (trip) => fuel(trip.fuel_ml) },
      { title: "Consumption", isNumber: true, cell: (trip) => consumption(trip.litres_per_100km) },
      { title: "Way", cell: ({ trip_started_at_ms: startedMs }) => element("button", {
        type: "button", "aria-pressed": String(this.ways.has(startedMs)), "aria-label": "On the map", "data-key": startedMs, onclick: () => this.#toggle(startedMs),
      }, "Map") },
    ];
  }

  async #toggle(startedMs) {
    this.said.textContent = "";
    if (!this.ways.delete(startedMs)) {
      try {
        const told = await this.client.ask(`/v1/vehicles/${encodeURIComponent(this.vin)}/trips/${startedMs}/path`);
        this.ways.set(startedMs, told.features);
        const streets = new Set(told.features.flatMap((feature) => feature.properties.streets));
        this.said.textContent = `Over ${counted(streets.size, "street")}: ${[...streets].slice(0, 6).join(", ")}${streets.size > 6 ? " …" : ""}; as batch version ${told.batch_view_version} matched it to the roads.`;
      } catch (error) {
        this.said.textContent = sentence(error.message);
      }
    }
    this.drawn([...this.ways.values()].flat(), this.ways.get(startedMs) ?? []);
    this.show(this.trips);
  }
}
