// Small marks: severity in words and colour, links to vehicles and alerts.

import { element } from "../element.js";
import { link } from "../router.js";

export const badge = (severity) => element("span", { className: `badge ${severity}` }, severity);

export const vehicleLink = (vin, text = vin) =>
  element("a", { className: text === vin ? "vin" : "", href: link("vehicles", vin) }, text);

export const alertLink = (alertId, text) => element("a", { href: link("alerts", alertId) }, text);

/** Where an alert stands, as one word. */
export function standing(alert) {
  if (alert.state === "cleared") return "cleared";
  if (alert.resolved_by) return "resolved";
  return alert.needs_attention ? "open" : "acknowledged";
}
