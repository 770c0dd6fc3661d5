// Simulator: break a car on stage, repair it, more cars, faster, disturb the transport; and truth beside detection.

import { card, element, empty, fillChoice, freshen, pageTitle } from "../element.js";
import { moment, since } from "../format/time.js";
import { number } from "../format/units.js";
import { ruleName, sentence } from "../format/words.js";
import { listen } from "../live/alert_watch.js";
import { alertLink, badge, vehicleLink } from "../parts/badges.js";
import { table, tile } from "../parts/table.js";
import { polling } from "../polling.js";

export const title = "Simulator";

const PATH = "/v1/simulator";
const EVERY_MS = 2000;
const GROWTHS = [["1", "at once"], ["15", "after 15 s"], ["120", "after two minutes"]];
const SHARES = [["late", "late"], ["duplicated", "twice"], ["reordered", "out of order"], ["lost", "lost"], ["malformed", "damaged"]];

export async function mount(root, { client, watch, until }) {
  const said = element("p", { className: "soft", role: "status" });
  const [tiles, bodies, off] = [element("div", { className: "tiles card" }), element("div", { className: "stack" }), element("div")];
  const truth = new Truth(client, watch, act);
  const breaking = new Breaking(act);
  const knobs = new Knobs(act);
  bodies.append(tiles, element("div", { className: "columns" }, breaking.node, knobs.node), truth.node);
  bodies.hidden = true;
  root.append(pageTitle("Break a car, and watch", said), off, bodies);

  async function act(path, body, method, done) {
    try {
      show(await client.send(`${PATH}${path}`, body, method));
      said.textContent = done;
    } catch (error) {
      said.textContent = sentence(error.message);
    }
  }
  function show(state) {
    off.replaceChildren();
    bodies.hidden = false;
    freshen(tiles,
      tile("cars in the fleet", number(state.vehicles), `at most ${number(state.most_vehicles)}`), tile("driving now", number(state.driving)),
      tile("readings a second and car", number(state.rate, 1)), tile("readings sent", number(state.readings_produced)),
      tile("fleet", state.paused ? "paused" : state.behind_s > 2 ? `${number(state.behind_s)} s behind` : "in time", null, state.paused ? "bad" : "good"));
    breaking.show(state);
    knobs.show(state);
    truth.show(state);
  }
  async function refresh() {
    try {
      const state = await client.askIfThere(PATH);
      if (state) show(state);
      else {
        bodies.hidden = true;
        off.replaceChildren(empty("The simulator cannot be steered from here.",
          "Its control is off, or no fleet is simulated. `simulator run --help` and the page on the simulator say how to turn it on."));
      }
    } catch (error) {
      said.textContent = sentence(error.message);
    }
  }
  client.ask("/v1/vehicles", { limit: 500 }).then((page) => breaking.takeVehicles(page.vehicles)).catch(() => {});
  const asking = polling(refresh, EVERY_MS);
  until(() => asking.stop());
  until(listen(watch, "attention", () => truth.redraw()));
  await asking.first;
}

/** Which car, which fault, how bad. */
class Breaking {
  constructor(act) {
    this.vehicle = element("input", { name: "vehicle", required: true, pattern: "[A-HJ-NPR-Z0-9]{17}", title: "a VIN: 17 of A-Z and 0-9 without I, O, Q", autocomplete: "off" });
    this.vehicle.setAttribute("list", "vins");
    this.vins = element("datalist", { id: "vins" });
    this.fault = element("select", { name: "fault" });
    this.severity = element("input", { name: "severity", type: "range", min: 0.1, max: 1, step: 0.1, value: 1 });
    this.growth = element("select", { name: "growth" });
    fillChoice(this.growth, GROWTHS, "1");
    this.expected = element("p", { className: "soft" });
    this.told = element("output", { className: "soft" }, "100 %");
    this.severity.oninput = () => { this.told.textContent = `${number(this.severity.value * 100)} %`; };
    this.fault.onchange = () => this.#tell();
    const form = element("form", { className: "stack" }, this.vins,
      element("label", { className: "field wide" }, element("span", {}, "Car"), this.vehicle),
      element("label", { className: "field wide" }, element("span", {}, "Fault"), this.fault),
      element("label", { className: "field wide" }, element("span", {}, "How bad ", this.told), this.severity),
      element("label", { className: "field wide" }, element("span", {}, "Full grown"), this.growth),
      this.expected, element("div", { className: "row" }, element("button", { className: "primary" }, "Break it")));
    form.onsubmit = (event) => {
      event.preventDefault();
      const asked = { vehicle_id: this.vehicle.value, fault: this.fault.value, severity: Number(this.severity.value), growth_s: Number(this.growth.value) };
      act("/faults", asked, "POST", `${ruleName(asked.fault)} begins in ${asked.vehicle_id} as soon as it drives.`);
    };
    this.node = card("Break a car", form);
  }

  takeVehicles(vehicles) {
    this.vins.replaceChildren(...vehicles.map((one) => element("option", { value: one.vehicle_id }, one.model ?? "")));
    if (!this.vehicle.value && vehicles.length) this.vehicle.value = vehicles[0].vehicle_id;
  }

  show({ fault_kinds: kinds }) {
    this.kinds = kinds;
    if (this.fault.options.length !== kinds.length) fillChoice(this.fault, kinds.map(({ fault }) => [fault, ruleName(fault)]));
    this.#tell();
  }

  #tell() {
    const rule = this.kinds?.find(({ fault }) => fault === this.fault.value)?.rule;
    this.expected.textContent = rule ? `The rule “${ruleName(rule)}” should find it.` : "No rule is expected to find this one.";
  }
}

/** Size, speed and disturbances; each changes when it is let go. */
class Knobs {
  constructor(act) {
    const change = (body, done) => act("", body, "PATCH", done);
    this.vehicles = this.#number("vehicles", { min: 1, step: 1 }, (value) => change({ vehicles: value }, `${value} cars from now on.`));
    this.rate = this.#number("rate", { min: 0.1, max: 50, step: 0.1 }, (value) => change({ rate: value }, `${value} readings a second and car.`));
    this.pause = element("button", { type: "button", onclick: () => change({ paused: !this.paused }, this.paused ? "The fleet drives on." : "The fleet is paused.") });
    this.shares = Object.fromEntries(SHARES.map(([name, text]) => [name, this.#number(name, { min: 0, max: 100, step: 1 },
      (value) => change({ disturbances: { [name]: value / 100 } }, `${value} % of the readings arrive ${text}.`))]));
    const field = (text, input) => element("label", { className: "field" }, element("span", {}, text), input);
    this.node = card("Steer the fleet",
      element("div", { className: "filters" }, field("Cars", this.vehicles), field("Readings a second and car", this.rate), this.pause),
      element("h3", {}, "Disturb the transport: per cent of the readings"),
      element("div", { className: "filters" }, SHARES.map(([name, text]) => field(sentence(text), this.shares[name]))));
  }

  show(state) {
    this.paused = state.paused;
    this.pause.textContent = state.paused ? "Drive on" : "Pause";
    this.vehicles.max = state.most_vehicles;
    set(this.vehicles, state.vehicles);
    set(this.rate, state.rate);
    for (const [name] of SHARES) set(this.shares[name], Math.round(state.disturbances[name] * 100));
  }

  #number(name, limits, changed) {
    const input = element("input", { name, type: "number", ...limits, onchange: () => { if (input.reportValidity()) changed(Number(input.value)); } });
    return input;
  }
}

function set(input, value) {
  if (document.activeElement !== input) input.value = value;
}

/** The faults that are really there, each beside the alert that found it. */
class Truth {
  constructor(client, watch, act) {
    this.watch = watch;
    this.table = table("Faults that are open, beside what was detected", [
      { title: "Car", cell: ({ fault }) => vehicleLink(fault.vehicle_id) },
      { title: "Truth", cell: ({ fault }) => [ruleName(fault.fault), element("span", { className: "soft below" }, `severity ${number(fault.severity, 1)}`)] },
      { title: "Since", cell: ({ fault }) => (fault.started_at_ms === null ? "waits until it drives" : since(fault.started_at_ms)) },
      { title: "Expected", cell: ({ rule }) => (rule ? ruleName(rule) : "no alert") },
      { title: "Detected", cell: detected },
      { title: "", cell: ({ fault }) => element("button", { type: "button",
        onclick: () => act(`/faults/${fault.vehicle_id}/${fault.fault}`, {}, "DELETE", `${fault.vehicle_id} is repaired.`) }, "Repair") },
    ], "Every car is sound. Break one above.");
    this.node = card("Truth beside detection", this.table.node);
  }

  show(state) {
    this.state = state;
    this.redraw();
  }

  redraw() {
    if (!this.state) return;
    const open = new Map((this.watch.attention?.vehicles ?? []).map((one) => [one.vehicle_id, one.alerts]));
    const rules = new Map(this.state.fault_kinds.map(({ fault, rule }) => [fault, rule]));
    this.table.show(this.state.faults.map((fault) => {
      const rule = rules.get(fault.fault);
      const alerts = open.get(fault.vehicle_id) ?? [];
      const since = alerts.filter((alert) => fault.started_at_ms !== null && alert.raised_at_ms >= fault.started_at_ms);
      const found = since.find((alert) => alert.rule === rule) ?? since[0] ?? null;
      return { fault, rule, found, before: found ? null : alerts.find((alert) => alert.rule === rule) };
    }));
  }
}

function detected({ found, before, fault }) {
  const alert = found ?? before;
  if (!alert) return element("span", { className: "soft" }, "not yet");
  const when = found ? `, ${number((found.raised_at_ms - fault.started_at_ms) / 1000)} s after it began` : ", open from before it began";
  return [badge(alert.severity), " ", alertLink(alert.alert_id, ruleName(alert.rule)),
    element("span", { className: "soft below" }, moment(alert.raised_at_ms), when)];
}
