// What stands around every page: navigation, the state of the connection, announcements, settings.

import { element, choice } from "./element.js";
import { applyTheme, preferences } from "./preferences.js";
import { link } from "./router.js";
import { counted } from "./format/words.js";
import { listen } from "./live/alert_watch.js";

const TOAST_MS = 8000;
const CONCERNS = { alerts: "attention", vehicles: "fleet" };

export class Shell {
  constructor(watch, keyring) {
    this.status = document.getElementById("status");
    this.toasts = document.getElementById("toasts");
    this.links = [...document.querySelectorAll("#pages a")];
    this.count = document.querySelector("#pages .count");
    document.getElementById("settings").replaceChildren(...this.#settings(keyring));
    this.watch = watch;
    listen(watch, "attention", () => this.#tell());
    listen(watch, "connection", (event) => this.#tell(event.detail.isBack));
    listen(watch, "alert", (event) => this.#announce(event.detail));
  }

  /** Marks where we are. */
  show(page, title) {
    for (const one of this.links) {
      const isHere = one.dataset.page === (CONCERNS[page] ?? page);
      if (isHere) one.setAttribute("aria-current", "page");
      else one.removeAttribute("aria-current");
      if (isHere) one.parentElement.scrollLeft = one.offsetLeft - one.parentElement.offsetLeft - (one.parentElement.clientWidth - one.offsetWidth) / 2;
    }
    this.title = title;
    this.#titled();
  }

  #titled() {
    const needs = this.watch.attention?.vehicles_in_need ?? 0;
    document.title = `${needs ? `(${needs}) ` : ""}${this.title ?? "Fleet"} · Connected cars`;
    this.count.hidden = !needs;
    this.count.textContent = String(needs);
    this.count.setAttribute("aria-label", `${counted(needs, "car")} in need`);
  }

  #tell(isBack = false) {
    const { isConnected, problem } = this.watch;
    this.#titled();
    const isTrouble = isConnected === false || problem;
    this.status.className = isTrouble ? "trouble" : "live";
    if (isBack) this.#toast("Connected again. What was missed has been fetched.", "info");
    if (!isTrouble) this.status.textContent = isConnected ? "Live" : "Connecting …";
    else this.status.textContent = `Reconnecting … ${problem?.message ?? "the stream of alerts broke off"}`;
    this.status.title = this.status.textContent;
  }

  #announce(alert) {
    if (alert.state === "cleared" || alert.severity === "info") return;
    const text = `${alert.severity} · ${alert.vehicle_id}: ${alert.message}`;
    this.#toast(text, alert.severity, link("alerts", alert.alert_id));
  }

  #toast(text, kind, href = null) {
    const made = href ? element("a", { className: `toast ${kind}`, href }, text) : element("p", { className: `toast ${kind}` }, text);
    this.toasts.append(made);
    while (this.toasts.childElementCount > 3) this.toasts.firstElementChild.remove();
    setTimeout(() => made.remove(), TOAST_MS);
  }

  #settings(keyring) {
    const themes = [["auto", "as the system"], ["light", "light"], ["dark", "dark"]];
    const forget = element("button", { type: "button", onclick: () => { keyring.forget(); location.reload(); } }, "Forget the API key");
    return [
      choice("Units", [["metric", "metric"], ["us", "US"]], preferences.get("units", "metric"), (chosen) => preferences.set("units", chosen)),
      choice("Appearance", themes, preferences.get("theme", "auto"), (chosen) => { preferences.set("theme", chosen); applyTheme(); }),
      keyring.key && forget,
      element("a", { href: "/docs" }, "API"),
    ].filter(Boolean);
  }
}
