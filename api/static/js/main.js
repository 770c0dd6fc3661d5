// The composition of the dashboard: one client, one watch over alerts, and one page at a time.

import { Client } from "./api/client.js";
import { Keyring } from "./api/keyring.js";
import { element, empty } from "./element.js";
import { keepAging } from "./format/time.js";
import { sentence } from "./format/words.js";
import { AlertWatch } from "./live/alert_watch.js";
import { applyTheme, preferences } from "./preferences.js";
import { place } from "./router.js";
import { Rulebook } from "./rules/rulebook.js";
import { Shell } from "./shell.js";

const PAGES = {
  fleet: () => import("./pages/fleet.js"),
  attention: () => import("./pages/attention.js"),
  alerts: () => import("./pages/alert.js"),
  vehicles: () => import("./pages/vehicle.js"),
  efficiency: () => import("./pages/efficiency.js"),
  routes: () => import("./pages/routes.js"),
  pipeline: () => import("./pages/pipeline.js"),
  simulator: () => import("./pages/simulator.js"),
};

applyTheme();
keepAging();
const keyring = new Keyring();
const client = new Client(keyring);
const watch = new AlertWatch(client);
const shell = new Shell(watch, keyring);
const context = { client, watch, rulebook: new Rulebook(client), openEnds: [] };
const main = document.getElementById("main");
const PATIENCE_MS = 700; // then a page is shown although its answers are not all there
let turn = 0;
let isBroken = false; // the present page could not be shown

/** Leaves the present page and shows the one that the address names. */
async function show(isMoved = true) {
  const mine = ++turn;
  isBroken = false;
  for (const end of context.openEnds.splice(0)) end();
  const { page, subject, params } = place(location.hash);
  const root = element("div", { className: `page ${page}` });
  try {
    const found = PAGES[page];
    if (!found) throw new Error(`There is no page “${page}” here.`);
    const shown = await found();
    if (mine !== turn) return;
    root.classList.add("coming");
    main.replaceChildren(root);
    shell.show(page, subject ? `${shown.title} ${subject.slice(0, 17)}` : shown.title);
    const mounted = shown.mount(root, { ...context, subject, params, until: (end) => context.openEnds.push(end) });
    await Promise.race([mounted, new Promise((resolve) => setTimeout(resolve, PATIENCE_MS))]);
    root.classList.remove("coming");
    await mounted;
  } catch (error) {
    if (mine !== turn) return;
    isBroken = true;
    root.classList.remove("coming");
    root.replaceChildren(empty(sentence(error.message), "Choose a page above, or reload to try again."));
    main.replaceChildren(root);
  }
  if (isMoved && mine === turn) main.focus({ preventScroll: true });
  scrollTo(0, 0);
}

addEventListener("hashchange", () => show());
preferences.addEventListener("change", (event) => {
  if (["units", "theme"].includes(event.detail)) show(false);
});
watch.addEventListener("connection", (event) => {
  if (event.detail.isBack && isBroken) location.reload(); // a module that did not load once is not asked for again
});
await show(false);
// The other pages are at hand then, also when the API is not.
for (const load of Object.values(PAGES)) load().catch(() => {});
