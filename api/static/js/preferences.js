// What this person chose, kept in this browser: units, appearance, name, and the API key.

const PREFIX = "connected-cars.";

export const preferences = new (class extends EventTarget {
  get(name, fallback = "") {
    try {
      return localStorage.getItem(PREFIX + name) ?? fallback;
    } catch {
      return fallback; // storage may be forbidden
    }
  }

  set(name, value) {
    try {
      if (value) localStorage.setItem(PREFIX + name, value);
      else localStorage.removeItem(PREFIX + name);
    } catch {
      // as above: the choice holds until the page is left
    }
    this.dispatchEvent(new CustomEvent("change", { detail: name }));
  }
})();

/** Applies the chosen appearance; without a choice the system's holds. */
export function applyTheme() {
  const theme = preferences.get("theme", "auto");
  if (theme === "auto") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme;
}
