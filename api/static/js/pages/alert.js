// One alert: what happened, the signals around it with the rule drawn in, what people did about it.

import { card, element, empty } from "../element.js";
import { delay, moment, since, span } from "../format/time.js";
import { quantity } from "../format/units.js";
import { ruleName, sentence, signalName, unitOf } from "../format/words.js";
import { listen } from "../live/alert_watch.js";
import { badge, standing, vehicleLink } from "../parts/badges.js";
import { signalCharts } from "../parts/signal_charts.js";
import { snapshots } from "../parts/snapshots.js";
import { facts } from "../parts/table.js";
import { workflow } from "../parts/workflow.js";

export const title = "Alert";

export async function mount(root, { client, watch, rulebook, subject, until }) {
  const [head, story] = [element("div"), element("div")];
  const charts = element("div", { className: "charts" }, empty("Fetching the readings around the event …"));
  const law = element("div");
  const pictures = element("div");
  root.append(head, element("div", { className: "columns" },
    card("The signals around it", charts), element("div", { className: "stack" }, story, law, pictures)));
  let told = "";

  async function show(given = null) {
    const alert = given?.changes ? given : await client.ask(`/v1/alerts/${encodeURIComponent(subject)}`);
    if (JSON.stringify(alert) === told) return alert;
    told = JSON.stringify(alert);
    const acts = workflow(client, alert, (answer) => { show(answer); watch.refresh(); });
    head.replaceChildren(header(alert, acts));
    story.replaceChildren(card("What happened, and who did what", history(alert)));
    return alert;
  }
  const alert = await show();
  until(listen(watch, "alert", (event) => { if (event.detail.alert_id === subject) show().catch(() => {}); }));
  until(listen(watch, "attention", () => { if (!root.querySelector("form:not([hidden])")) show().catch(() => {}); }));
  const [rule, vehicle, signals] = await Promise.all([
    rulebook.rule(alert.rule).catch(() => null),
    client.askIfThere(`/v1/vehicles/${alert.vehicle_id}`),
    client.askIfThere(`/v1/alerts/${encodeURIComponent(subject)}/signals`),
  ]);
  law.replaceChildren(card("The rule", rule ? ruleFacts(rule, alert) : empty("The rule is not in force any more.")));
  if (signals?.readings.length) await signalCharts(charts, alert, rule, signals, vehicle?.registry);
  else charts.replaceChildren(empty("The readings around the event are not kept any more, or not there yet.", "Kafka keeps them for 7 days, the lake for longer."));
  await snapshots(pictures, client, alert.vehicle_id, alert.raised_at_ms);
}

function header(alert, acts) {
  const worst = Object.entries(alert.worst).filter(([, value]) => value !== null)
    .map(([name, value]) => [`${signalName(name)}, worst`, typeof value === "number" ? quantity(value, unitOf(name)) : String(value)]);
  return element("section", { className: `card banner ${alert.severity}`, "aria-label": "Alert" },
    element("p", { className: "row" }, badge(alert.severity), vehicleLink(alert.vehicle_id), element("span", { className: "soft" }, sentence(standing(alert)))),
    element("h1", {}, alert.message),
    facts([
      ["Raised", [moment(alert.raised_at_ms), " (", since(alert.raised_at_ms), ")"]],
      ["Cleared", alert.cleared_at_ms && [moment(alert.cleared_at_ms), alert.clear_reason && `, ${alert.clear_reason.replaceAll("_", " ")}`]],
      ["Event to alert", delay(Math.max(0, alert.available_at_ms - alert.received_at_ms))],
      ["Trouble code", alert.trouble_code], ...worst,
    ]), acts);
}

function history(alert) {
  const changes = alert.changes.map((change) => ({
    atMs: change.changed_at_ms, kind: change.severity,
    text: [element("b", {}, sentence(change.state)), ` ${change.severity}: ${change.message}`, change.clear_reason && ` (${change.clear_reason.replaceAll("_", " ")})`],
  }));
  const words = { acknowledge: "acknowledged", resolve: "resolved", note: "noted" };
  const actions = alert.actions.map((action) => ({
    atMs: action.at_ms, kind: "person",
    text: [element("b", {}, action.by), ` ${words[action.action] ?? action.action}`, action.force && " although it went on", action.note && element("q", { className: "below" }, action.note)],
  }));
  const untold = alert.change_count - changes.length + alert.action_count - actions.length;
  const events = [...changes, ...actions].sort((one, other) => one.atMs - other.atMs);
  return element("ol", { className: "timeline" },
    untold > 0 && element("li", { className: "soft" }, `${untold} earlier ones are not listed`),
    events.map(({ atMs, kind, text }) =>
      element("li", { className: kind }, element("span", { className: "soft" }, moment(atMs)), element("div", {}, text))));
}

function ruleFacts(rule, alert) {
  const code = (text) => text && element("code", {}, text);
  return element("div", {}, facts([
    ["Name", ruleName(rule.name)], ["Level", code(rule.level)], ["Only when", code(rule.when)],
    ["Codes", rule.codes.length ? rule.codes.join(", ") : null],
    ["Must hold for", rule.for_s ? span(rule.for_s * 1000) : null], ["Clears at", code(rule.clear)],
    ["Clears after", rule.clear_for_s ? span(rule.clear_for_s * 1000) : null],
    ["Quiet afterwards", rule.cooldown_s ? span(rule.cooldown_s * 1000) : null], ["Source", rule.source],
    ["Rules", code(alert.rules_hash)],
  ]), element("p", { className: "key soft" }, element("span", { className: "swatch held" }), "level held before the raise ",
    element("span", { className: "swatch off" }), "enabling condition not met"));
}
