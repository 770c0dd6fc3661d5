// Times for people: local, with UTC on hover. All times are epoch milliseconds.

import { element } from "../element.js";

const clock = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", second: "2-digit" });
const day = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "short" });
const dayAndClock = new Intl.DateTimeFormat(undefined, {
  day: "numeric", month: "short", hour: "2-digit", minute: "2-digit", second: "2-digit",
});

export function span(ms) {
  const seconds = Math.max(0, ms / 1000);
  if (seconds < 90) return `${Math.round(seconds)} s`;
  if (seconds < 5400) return `${Math.round(seconds / 60)} min`;
  return seconds < 172_800 ? `${Math.round(seconds / 3600)} h` : `${Math.round(seconds / 86_400)} days`;
}

/** Minutes and seconds, as a clock shows them. */
export const minutes = (seconds) => `${Math.floor(Math.round(seconds) / 60)}:${String(Math.round(seconds) % 60).padStart(2, "0")} min`;

export const ago = (atMs) => `${span(Date.now() - atMs)} ago`;

export const utc = (atMs) => `${new Date(atMs).toISOString().replace("T", " ").replace("Z", "")} UTC`;

/** A moment; today only its clock is told. */
export function moment(atMs) {
  if (atMs === null || atMs === undefined) return "–";
  const at = new Date(atMs);
  const isToday = at.toDateString() === new Date().toDateString();
  return stamped(atMs, (isToday ? clock : dayAndClock).format(at));
}

/** How long ago; grows by itself. */
export function since(atMs) {
  if (atMs === null || atMs === undefined) return "–";
  const made = stamped(atMs, ago(atMs));
  made.dataset.agoMs = atMs;
  return made;
}

/** Milliseconds, or seconds where there are many of them. */
export const delay = (ms) => (ms < 10_000 ? `${ms.toLocaleString()} ms` : span(ms));

export const clockOf = (atMs) => clock.format(new Date(atMs));
export const dayOf = (atMs) => day.format(new Date(atMs));

function stamped(atMs, text) {
  return element("time", { dateTime: new Date(atMs).toISOString(), title: utc(atMs) }, text);
}

/** Lets everything that `since` made grow older. */
export function keepAging(everyMs = 5000) {
  setInterval(() => {
    for (const made of document.querySelectorAll("time[data-ago-ms]")) made.textContent = ago(Number(made.dataset.agoMs));
  }, everyMs);
}
