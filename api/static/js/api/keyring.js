// The API key: entered once, kept in this browser, asked for again when it is refused.

import { element } from "../element.js";
import { preferences } from "../preferences.js";

export class Keyring {
  #asking = null;

  get key() {
    return preferences.get("key");
  }

  forget() {
    preferences.set("key", "");
  }

  /** Asks for another key, once however many requests want it. Gives whether there is one now. */
  renew() {
    this.#asking ??= this.#entered().finally(() => { this.#asking = null; });
    return this.#asking;
  }

  #entered() {
    return new Promise((resolve) => {
      const field = element("input", { id: "key", type: "password", autocomplete: "current-password", required: true });
      const refused = this.key ? "The key that this browser kept is not in force any more. " : "";
      const dialog = element("dialog", { className: "card", "aria-labelledby": "key-title" },
        element("form", { method: "dialog" },
          element("h2", { id: "key-title" }, "This API asks for a key"),
          element("p", { className: "soft" }, refused, "An administrator makes one with ",
            element("code", {}, "api keys add NAME"), ". It is kept in this browser only."),
          element("label", { className: "field wide", htmlFor: "key" }, element("span", {}, "API key"), field),
          element("menu", {},
            element("button", { type: "button", onclick: () => dialog.close() }, "Not now"),
            element("button", { className: "primary", value: "use" }, "Use this key"))));
      dialog.addEventListener("close", () => {
        const given = dialog.returnValue === "use" ? field.value.trim() : "";
        if (given) preferences.set("key", given);
        dialog.remove();
        resolve(Boolean(given));
      });
      document.body.append(dialog);
      dialog.showModal();
    });
  }
}
