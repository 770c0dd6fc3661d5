// Builds nodes. Text only ever enters the page as text: nothing here parses markup.

const SVG = "http://www.w3.org/2000/svg";

const isShown = (child) => child !== null && child !== undefined && child !== false;

/** Makes an element. Functions and known properties are set as properties, everything else as attributes. */
export function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (typeof value === "function" || (name in made && typeof made[name] !== "object")) made[name] = value;
    else made.setAttribute(name, value === true ? "" : value);
  }
  made.append(...children.flat(Infinity).filter(isShown));
  return made;
}

/** As `element`, for drawings. */
export function svg(tag, attributes = {}, ...children) {
  const made = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== null && value !== undefined) made.setAttribute(name, value);
  }
  made.append(...children.flat(Infinity).filter(isShown));
  return made;
}

/** A choice with a label. `options` are values or [value, text] pairs. */
export function choice(label, options, chosen, change, attributes = {}) {
  const select = element("select", { ...attributes, onchange: () => change(select.value) });
  fillChoice(select, options, chosen);
  return element("label", { className: "field" }, element("span", {}, label), select);
}

/** Gives a select new options and keeps what is chosen where it is still offered. */
export function fillChoice(select, options, chosen = select.value) {
  const made = options.map((option) => {
    const [value, text] = Array.isArray(option) ? option : [option, option];
    return element("option", { value, selected: value === chosen }, text);
  });
  select.replaceChildren(...made);
}

/** A row of buttons of which one is pressed. */
export function switcher(label, options, chosen, change) {
  const buttons = options.map(([value, text]) =>
    element("button", {
      type: "button",
      "aria-pressed": String(value === chosen),
      "data-value": value,
      onclick: (event) => {
        for (const button of buttons) button.setAttribute("aria-pressed", String(button === event.currentTarget));
        change(value);
      },
    }, text));
  return element("div", { className: "switcher", role: "group", "aria-label": label }, buttons);
}

/** A titled card. */
export function card(title, ...children) {
  return element("section", { className: "card", "aria-label": title }, element("h2", {}, title), ...children);
}

/** What a list shows that has nothing to show, and what to do about it. */
export function empty(text, remedy = null) {
  return element("p", { className: "empty" }, text, remedy && element("span", { className: "soft" }, remedy));
}
