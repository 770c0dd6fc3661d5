// Colours of the style sheet as they are just now, dark or light.

import { element } from "./element.js";

let probe = null;

/** Gives a reader of colours by name, each as `rgb(…)`; what it has read once it keeps. */
export function palette() {
  if (!probe) document.body.append((probe = element("span", { hidden: true })));
  const known = new Map();
  return (name) => {
    if (!known.has(name)) {
      probe.style.color = `var(${name})`;
      known.set(name, getComputedStyle(probe).color);
    }
    return known.get(name);
  };
}
