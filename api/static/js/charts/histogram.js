// How many there are of each size: bars, with marks for figures worth knowing.

import { svg } from "../element.js";

const [WIDTH, HEIGHT, LEFT, BOTTOM, TOP] = [640, 220, 36, 34, 18];

/** Sorts values into about `wanted` bins with round borders: {from, step, counts}. */
export function binned(values, wanted = 24) {
  const [low, high] = [Math.min(...values), Math.max(...values)];
  const raw = (high - low || Math.abs(high) || 1) / wanted;
  const power = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 2.5, 5, 10].map((times) => times * power).find((one) => one >= raw);
  const from = Math.floor(low / step) * step;
  const counts = new Array(Math.floor((high - from) / step + 1e-9) + 1).fill(0);
  for (const value of values) counts[Math.min(counts.length - 1, Math.floor((value - from) / step + 1e-9))] += 1;
  return { from, step, counts };
}

/** `marks` are {at, text}; `label` says the whole in words. */
export function histogram(values, { label, unit, digits = 1, marks = [] }) {
  const root = svg("svg", { class: "histogram", viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img", "aria-label": label });
  const { from, step, counts } = binned(values);
  const most = Math.max(...counts);
  const until = from + step * counts.length;
  const x = (value) => LEFT + ((value - from) / (until - from)) * (WIDTH - LEFT - 16);
  const y = (count) => HEIGHT - BOTTOM - (count / most) * (HEIGHT - BOTTOM - TOP);
  for (const count of new Set([0, Math.round(most / 2), most])) {
    root.append(svg("line", { class: "grid", x1: LEFT, x2: WIDTH - 8, y1: y(count), y2: y(count) }),
      svg("text", { x: LEFT - 6, y: y(count) + 4, "text-anchor": "end" }, String(count)));
  }
  counts.forEach((count, at) => {
    const [left, right] = [x(from + at * step), x(from + (at + 1) * step)];
    const bar = svg("rect", { class: "bar", x: left + 1, width: Math.max(1, right - left - 2), y: y(count), height: HEIGHT - BOTTOM - y(count), rx: 2 });
    bar.append(svg("title", {}, `${(from + at * step).toFixed(digits)} to ${(from + (at + 1) * step).toFixed(digits)} ${unit}: ${count}`));
    root.append(bar);
  });
  const every = Math.max(1, Math.ceil(counts.length / 8));
  for (let at = 0; at <= counts.length; at += every) {
    root.append(svg("text", { x: x(from + at * step), y: HEIGHT - BOTTOM + 15, "text-anchor": "middle" }, (from + at * step).toFixed(digits)));
  }
  root.append(svg("text", { x: WIDTH - 8, y: HEIGHT - 3, "text-anchor": "end" }, unit));
  for (const { at, text } of marks) {
    if (at < from || at > until) continue;
    root.append(svg("line", { class: "mark", x1: x(at), x2: x(at), y1: TOP - 4, y2: HEIGHT - BOTTOM }),
      svg("text", { class: "mark", x: x(at), y: TOP - 7, "text-anchor": x(at) > WIDTH - 80 ? "end" : x(at) < 90 ? "start" : "middle" }, text));
  }
  return root;
}
