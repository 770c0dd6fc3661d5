// Acknowledge, resolve and note, in place; who does it is asked once and kept.

import { element } from "../element.js";
import { preferences } from "../preferences.js";

/** Buttons and a form for one alert; `done(answer)` is called with the alert as it then stands. */
export function workflow(client, alert, done) {
  const form = element("form", { className: "workflow", hidden: true });
  const say = element("p", { className: "said", role: "status" });
  const button = (kind, text, className = "") =>
    element("button", { type: "button", className, onclick: () => open(kind) }, text);
  const buttons = element("div", { className: "row" },
    alert.is_open && alert.needs_attention && button("acknowledge", "Acknowledge", "primary"),
    alert.is_open && button("resolve", "Resolve"), button("notes", "Note"));

  function open(kind) {
    const isForced = kind === "resolve" && alert.state !== "cleared";
    const by = element("input", { name: "by", required: true, maxLength: 100, value: preferences.get("by"), autocomplete: "name" });
    const needsNote = kind === "notes" || isForced;
    const note = element("input", { name: "note", maxLength: 2000, required: needsNote, placeholder: needsNote ? "" : "optional" });
    const verb = { acknowledge: "Acknowledge", resolve: "Resolve", notes: "Write note" }[kind];
    form.replaceChildren(...[
      isForced && element("p", { className: "soft wide" }, "The episode still goes on: resolving it takes a note that says why."),
      element("label", { className: "field" }, element("span", {}, "Your name"), by),
      element("label", { className: "field grow" }, element("span", {}, "Note"), note),
      element("button", { className: "primary" }, verb),
      element("button", { type: "button", onclick: close }, "Cancel")].filter(Boolean));
    form.onsubmit = (event) => {
      event.preventDefault();
      submit(kind, { by: by.value.trim(), note: note.value.trim() || undefined, ...(isForced && { force: true }) });
    };
    form.hidden = false;
    buttons.hidden = true;
    say.textContent = "";
    (by.value ? note : by).focus();
  }

  function close() {
    form.hidden = true;
    buttons.hidden = false;
  }

  async function submit(kind, body) {
    preferences.set("by", body.by);
    try {
      const answer = await client.send(`/v1/alerts/${encodeURIComponent(alert.alert_id)}/${kind}`, body);
      close();
      say.textContent = answer.status === "accepted" ? "Accepted; it shows in a moment." : "Done.";
      done(answer);
    } catch (error) {
      say.textContent = error.message;
    }
  }
  return element("div", { className: "workflow-box" }, buttons, form, say);
}
