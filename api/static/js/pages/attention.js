// Attention: the cars that need somebody, the worst first; and all alerts, the newest first.

import { card, choice, element, empty, pageTitle } from "../element.js";
import { moment } from "../format/time.js";
import { counted, ruleName, sentence } from "../format/words.js";
import { listen } from "../live/alert_watch.js";
import { EvidenceShelf } from "../live/evidence.js";
import { attentionCard } from "../parts/attention_card.js";
import { alertLink, badge, standing, vehicleLink } from "../parts/badges.js";
import { lines, table } from "../parts/table.js";
import { polling } from "../polling.js";
import { remember } from "../router.js";

export const title = "Attention";

const PAGE = 50;
const EVERY_MS = 5000;

export async function mount(root, { client, watch, rulebook, params, until }) {
  const said = element("p", { className: "soft lead", role: "status" });
  const list = element("ol", { className: "plain needs" });
  const nothing = element("div");
  const needs = element("section", { "aria-labelledby": "needs-title" },
    pageTitle("Which car needs attention?", said, { id: "needs-title" }), list, nothing);
  const all = new AllAlerts(client, params);
  root.append(needs, all.node);
  const context = { client, rulebook, shelf: new EvidenceShelf(client) };
  const cards = new Map();
  let isFirst = true;

  function show() {
    const { attention, problem } = watch;
    if (!attention) {
      nothing.replaceChildren(empty(sentence(problem?.message ?? "Asking …")));
      return;
    }
    const { critical = 0, warning = 0, info = 0 } = attention.open_alerts;
    said.textContent = `${counted(attention.vehicles_in_need, "car")} in need; open alerts: ${critical} critical, ${warning} warning, ${info} info.`;
    const wanted = attention.vehicles.map((item) => {
      const known = cards.get(item.vehicle_id);
      const one = known ?? attentionCard(context, () => watch.refresh());
      cards.set(item.vehicle_id, one);
      const isNew = !known && !isFirst;
      one.show(item);
      if (isNew) one.node.classList.add("arrived");
      return one.node;
    });
    const named = new Set(attention.vehicles.map((item) => item.vehicle_id));
    for (const vin of cards.keys()) if (!named.has(vin)) cards.delete(vin);
    arrange(list, wanted);
    nothing.replaceChildren(...(wanted.length ? [] : [empty("No car needs attention.", "New alerts slide in here by themselves.")]));
    isFirst = false;
  }
  until(listen(watch, "attention", show));
  show();
  const asking = polling(() => all.refresh(), EVERY_MS);
  until(() => asking.stop());
  await Promise.all([watch.first, asking.first]);
}

/** Puts nodes in order and moves none that stands where it should, so that what has the focus keeps it. */
function arrange(list, wanted) {
  const keep = new Set(wanted);
  for (const node of [...list.children]) if (!keep.has(node)) node.remove();
  wanted.forEach((node, at) => {
    if (list.children[at] !== node) list.insertBefore(node, list.children[at] ?? null);
  });
}

/** Alerts of all times with filters. */
class AllAlerts {
  constructor(client, params) {
    this.client = client;
    this.wanted = { severity: params.get("severity") ?? "", is_open: params.get("open") ?? "", rule: params.get("rule") ?? "" };
    this.limit = PAGE;
    this.table = table("Alerts, newest first", COLUMNS, "No alert is like this. Choose other filters.");
    this.more = element("button", { type: "button", hidden: true, onclick: () => { this.limit += PAGE; this.refresh(); } }, "Older ones");
    const change = (name, parameter) => (value) => {
      this.wanted[name] = value;
      remember({ [parameter]: value });
      this.refresh();
    };
    this.node = card("Alerts, newest first",
      element("div", { className: "filters" },
        choice("Severity", [["", "all"], "critical", "warning", "info"], this.wanted.severity, change("severity", "severity")),
        choice("State", [["", "open and closed"], ["true", "open"], ["false", "closed"]], this.wanted.is_open, change("is_open", "open"))),
      this.table.node, this.more);
  }

  async refresh() {
    try {
      const { alerts, next_cursor: next } = await this.client.ask("/v1/alerts", { ...this.wanted, limit: Math.min(500, this.limit) });
      this.table.show(alerts);
      this.more.hidden = !next || this.limit >= 500;
    } catch {
      // the state of the connection stands at the top of the page
    }
  }
}

const COLUMNS = [
  { title: "Raised", cell: (alert) => moment(alert.raised_at_ms) },
  { title: "Severity", cell: (alert) => badge(alert.severity) },
  { title: "What", isWide: true, cell: (alert) => lines(alertLink(alert.alert_id, alert.message), ruleName(alert.rule)) },
  { title: "Vehicle", cell: (alert) => vehicleLink(alert.vehicle_id) },
  { title: "State", cell: (alert) => lines(standing(alert), alert.acknowledged_by ?? alert.resolved_by) },
];
