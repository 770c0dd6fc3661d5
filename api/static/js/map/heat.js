// Where fuel goes, as colours on the road segments: by distance, or in all that was burnt there.

import { element } from "../element.js";
import { unit } from "../format/units.js";
import { ways, trace } from "./roads.js";

const STEPS = 5;

export class Heat {
  constructor() {
    this.kind = "none";
    this.features = [];
    this.groups = [];
  }

  take(features) {
    this.features = features;
    this.show(this.kind);
  }

  /** Sorts the segments into five steps with as many segments each. */
  show(kind) {
    this.kind = kind;
    this.groups = [];
    this.limits = [];
    if (kind === "none") return;
    const valued = this.features.map((feature) => [value(feature.properties, kind), feature]).filter(([one]) => Number.isFinite(one) && one > 0);
    valued.sort(([one], [other]) => one - other);
    for (let at = 0; at < STEPS && valued.length; at++) {
      const part = valued.slice(Math.floor((at * valued.length) / STEPS), Math.floor(((at + 1) * valued.length) / STEPS));
      if (!part.length) continue;
      this.groups.push(ways(part.map(([, feature]) => feature)));
      this.limits.push(part.at(-1)[0]);
    }
  }

  draw(context, camera, colours) {
    context.lineCap = "round";
    this.groups.forEach((group, at) => {
      context.beginPath();
      for (const one of group) trace(context, one.points, camera);
      context.lineWidth = Math.max(2, Math.min(7, 2.2 * 1.5 ** (camera.zoom - 14))) + at * 0.4;
      context.strokeStyle = colours.heat[at];
      context.stroke();
    });
  }

  legend() {
    if (this.kind === "none") return [];
    if (!this.groups.length) return [element("span", { className: "soft" }, "No version knows yet what roads cost.")];
    const { text, convert } = unit("l100");
    const told = (limit) => (this.kind === "l100" ? `${convert(limit).toFixed(1)}` : `${(limit / 1000).toFixed(1)}`);
    return [...this.limits.map((limit, at) => element("span", { className: `heat heat-${at + 1}` }, `≤ ${told(limit)}`)),
      element("span", { className: "soft" }, this.kind === "l100" ? text : "L in all matched trips")];
  }
}

function value({ litres_per_100km: l100, fuel_ml: fuel, traversals }, kind) {
  return kind === "l100" ? l100 : fuel * (traversals ?? 0);
}
