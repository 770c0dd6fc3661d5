// One vehicle in need: what, why, since when, the signal with its limit, and what to do about it.

import { element, freshen } from "../element.js";
import { moment, since } from "../format/time.js";
import { quantity, unit } from "../format/units.js";
import { ruleName, signalName, unitOf } from "../format/words.js";
import { sparkline } from "../charts/sparkline.js";
import { near } from "../live/evidence.js";
import { curves, plain, withRegistry } from "../rules/rulebook.js";
import { alertLink, badge, standing, vehicleLink } from "./badges.js";
import { workflow } from "./workflow.js";

/** What a car shows of a fault that it names by a code alone. */
const CODE_SIGNALS = [["P03", "misfires"], ["P01", "short_fuel_trim_pct"], ["P02", "short_fuel_trim_pct"]];

export class AttentionCard {
  /** `context` gives client, rulebook and shelf; `changed()` is called when a person acted. */
  constructor(context, changed) {
    Object.assign(this, { context, changed });
    this.head = element("div", { className: "need-head" });
    this.spark = element("div", { className: "need-spark" });
    this.acts = element("div", { className: "need-acts" });
    this.node = element("li", { className: "need card" }, this.head, this.spark, this.acts);
    this.told = "";
    this.acted = "";
  }

  show(item) {
    const told = JSON.stringify(item);
    if (told === this.told) return;
    this.told = told;
    const first = item.alerts[0];
    this.node.dataset.vehicle = item.vehicle_id;
    this.node.className = `need card ${item.severity} ${item.needs_attention ? "" : "calm"}`;
    freshen(this.head, this.#head(item, first));
    if (!first) return;
    const acted = `${first.alert_id} ${first.is_open} ${first.needs_attention} ${first.state}`;
    const isWriting = this.acts.querySelector("form:not([hidden])") !== null;
    if (isWriting) this.told = ""; // so that the buttons follow once nobody writes any more
    else if (acted !== this.acted) {
      this.acted = acted;
      this.acts.replaceChildren(workflow(this.context.client, first, this.changed));
    }
    const drawn = `${first.alert_id} ${first.change}`;
    if (drawn !== this.drawn) {
      this.drawn = drawn;
      this.alert = first;
      this.spark.replaceChildren();
      seen.observe(this.node);
    }
  }

  /** Draws the signal; called when the card comes into sight. */
  async draw() {
    const { alert } = this;
    const { rulebook, shelf } = this.context;
    const rule = await rulebook.rule(alert.rule).catch(() => null);
    const curve = (rule && curves(rule)[0]) ?? plain(CODE_SIGNALS.find(([code]) => alert.trouble_code?.startsWith(code))?.[1] ?? "engine_rpm");
    const told = await shelf.signals(alert);
    if (!told || alert !== this.alert) return;
    const points = near(told.readings, alert).map((reading) => [reading.recorded_at_ms, curve.value(withRegistry(reading))]);
    const level = curve.levels.find((one) => !one.isClearing)?.value(withRegistry({}, {}));
    const limit = Number.isFinite(level) ? level : null;
    const known = points.filter(([, value]) => Number.isFinite(value));
    if (known.length < 2) return;
    const name = unitOf(curve.name);
    const label = `${signalName(curve.name)} around the event, last ${quantity(known.at(-1)[1], name)}${limit === null ? "" : `, limit ${quantity(limit, name)}`}`;
    const worst = alert.worst[curve.name] ?? known.at(-1)[1];
    this.spark.replaceChildren(sparkline(points, limit, label), element("span", { className: "soft" },
      `${signalName(curve.name)} ${typeof worst === "number" ? quantity(worst, name) : ""}`,
      limit !== null && element("span", { className: "limit-text" }, `limit ${quantity(limit, name, Math.min(1, unit(name).digits))}`)));
  }

  #head(item, first) {
    const more = item.open_alerts - 1;
    return [
      element("div", { className: "need-title" }, badge(item.severity), vehicleLink(item.vehicle_id),
        element("span", { className: "soft" }, [item.model, item.fleet].filter(Boolean).join(" · ") || "not in the registry")),
      element("p", { className: "why" }, first ? alertLink(first.alert_id, item.message) : item.message),
      element("p", { className: "soft" }, first && ruleName(first.rule), first?.trouble_code && ` · ${first.trouble_code}`, " · ",
        since(item.since_ms), item.is_silent && " · silent", more > 0 && ` · and ${more} more`,
        first && standing(first) === "acknowledged" && [` · acknowledged by ${first.acknowledged_by} `, moment(first.acknowledged_at_ms)]),
    ];
  }
}

const owners = new WeakMap();
const seen = new IntersectionObserver((entries) => {
  for (const { isIntersecting, target } of entries) {
    if (!isIntersecting) continue;
    seen.unobserve(target);
    owners.get(target)?.draw();
  }
}, { rootMargin: "200px" });

/** Makes a card that draws its signal when it is seen. */
export function attentionCard(context, changed) {
  const made = new AttentionCard(context, changed);
  owners.set(made.node, made);
  return made;
}
