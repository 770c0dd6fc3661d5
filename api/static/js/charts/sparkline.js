// A signal at a glance: its course, its limit, and the last value.

import { svg } from "../element.js";

const [WIDTH, HEIGHT, EDGE] = [120, 34, 3];

/** `points` are [x, y]; `limit` is a level or null. `label` says the same in words. */
export function sparkline(points, limit, label) {
  const known = points.filter(([, y]) => Number.isFinite(y));
  const root = svg("svg", { class: "sparkline", viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img", "aria-label": label });
  if (known.length < 2) return root;
  const values = known.map(([, y]) => y);
  if (Number.isFinite(limit)) values.push(limit);
  const [low, high] = [Math.min(...values), Math.max(...values)];
  const [first, last] = [known[0][0], known.at(-1)[0]];
  const x = (value) => EDGE + ((value - first) / (last - first || 1)) * (WIDTH - 2 * EDGE);
  const y = (value) => HEIGHT - EDGE - ((value - low) / (high - low || 1)) * (HEIGHT - 2 * EDGE);
  if (Number.isFinite(limit)) root.append(svg("line", { class: "limit", x1: 0, x2: WIDTH, y1: y(limit), y2: y(limit) }));
  const path = known.map(([at, value], i) => `${i ? "L" : "M"}${x(at).toFixed(1)} ${y(value).toFixed(1)}`).join("");
  root.append(svg("path", { class: "line", d: path }));
  const [endX, endY] = known.at(-1);
  root.append(svg("circle", { class: "end", cx: x(endX), cy: y(endY), r: 2.6 }));
  return root;
}
