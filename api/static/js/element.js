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

/** Lets `host` hold `wanted` and changes only what differs: what has the focus or is just being clicked stays. */
export function freshen(host, ...wanted) {
  const nodes = wanted.flat(Infinity).filter(isShown).map((one) => (one instanceof Node ? one : document.createTextNode(one)));
  nodes.forEach((node, at) => {
    const old = host.childNodes[at];
    if (!old) host.append(node);
    else if (old !== node && !isAlike(old, node)) old.replaceWith(node);
    else if (old !== node) settle(old, node);
  });
  while (host.childNodes.length > nodes.length) host.lastChild.remove();
}

const isAlike = (old, node) => old.nodeName === node.nodeName && ["href", "data-key"].every((name) => old.getAttribute?.(name) === node.getAttribute?.(name));

function settle(old, node) {
  if (!(old instanceof Element)) {
    if (old.data !== node.data) old.data = node.data;
    return;
  }
  for (const { name } of [...old.attributes]) if (!node.hasAttribute(name)) old.removeAttribute(name);
  for (const { name, value } of node.attributes) if (old.getAttribute(name) !== value) old.setAttribute(name, value);
  old.onclick = node.onclick;
  freshen(old, ...node.childNodes);
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

/** A page's title, and beside it what the page has to say, so that nothing moves when it does. */
export function pageTitle(text, said, attributes = {}) {
  return element("div", { className: "page-title" }, element("h1", attributes, text), said);
}

/** A titled card. */
export function card(title, ...children) {
  return element("section", { className: "card", "aria-label": title }, element("h2", {}, title), ...children);
}

/** What a list shows that has nothing to show, and what to do about it. */
export function empty(text, remedy = null) {
  return element("p", { className: "empty" }, text, remedy && element("span", { className: "soft" }, remedy));
}
