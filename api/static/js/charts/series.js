// Curves over time, drawn by uPlot, which is loaded when the first of them is shown.

import { element } from "../element.js";
import { clockOf, dayOf } from "../format/time.js";
import { palette } from "../palette.js";

const HEIGHT_PX = 190;
const HALF_DAY_S = 43_200; // to both sides of a point that is alone
const DAY_STEPS_S = [1, 2, 3, 7, 14, 30].map((days) => days * 2 * HALF_DAY_S);
let loading = null;
const endings = new WeakMap(); // of the chart that a host shows

function library() {
  loading ??= new Promise((resolve, reject) => {
    const sheet = element("link", { rel: "stylesheet", href: "/static/vendor/uplot/uPlot.min.css" });
    const script = element("script", { src: "/static/vendor/uplot/uPlot.iife.min.js" });
    script.onload = () => resolve(globalThis.uPlot);
    script.onerror = () => reject(new Error("the chart library did not load; reload the page"));
    document.head.append(sheet, script);
  });
  return loading;
}

/**
 * Draws `curves` ({label, values, colour?, isDashed?, isPoints?}) over `timesMs`.
 * `levels` are {value, text, isClearing}, `bands` {fromMs, untilMs, kind}, `moments` {atMs, text}.
 */
export async function seriesChart(host, { timesMs, curves, levels = [], bands = [], moments = [], unit, digits = 1, label }) {
  const UPlot = await library();
  const colour = palette();
  const axis = { stroke: colour("--soft"), grid: { stroke: colour("--line"), width: 1 }, ticks: { stroke: colour("--line"), width: 1 }, font: "11px system-ui" };
  const times = timeAxis(timesMs);
  const options = {
    width: Math.max(200, host.clientWidth), height: HEIGHT_PX, padding: [14, 12, 0, 0],
    scales: { x: timesMs.length === 1 ? { range: () => [-1, 1].map((way) => timesMs[0] / 1000 + way * HALF_DAY_S) } : {}, y: { range: (_, low, high) => widened(low, high, levels) } },
    axes: [{ ...axis, size: 32, ...times }, { ...axis, size: 54, values: (_, ticks) => ticks.map((tick) => tick.toLocaleString(undefined, { maximumFractionDigits: 2 })) }],
    series: [{ label: "Time", value: (_, second) => (second === null ? "–" : times.told(second)) }, ...curves.map((curve, at) => ({
      label: curve.label, stroke: colour(curve.colour ?? `--series-${(at % 3) + 1}`), width: curve.isDashed ? 1.5 : 2,
      dash: curve.isDashed ? [5, 4] : undefined, spanGaps: true, points: { show: curve.isPoints ?? false, size: 6 },
      value: (_, value) => (value === null || value === undefined ? "–" : `${value.toFixed(digits)} ${unit}`),
    }))],
    legend: { show: curves.length > 1, live: true }, cursor: { y: false },
    hooks: { drawClear: [(plot) => drawBands(plot, bands, colour)], draw: [(plot) => { drawLevels(plot, levels, colour); drawMoments(plot, moments, colour); }] },
  };
  endings.get(host)?.();
  const holder = element("div", { className: "series", role: "img", "aria-label": label });
  host.replaceChildren(holder);
  const plot = new UPlot(options, [timesMs.map((atMs) => atMs / 1000), ...curves.map((curve) => curve.values)], holder);
  const watch = new ResizeObserver(() => {
    if (!holder.isConnected) end();
    else if (Math.abs(host.clientWidth - plot.width) > 1) plot.setSize({ width: Math.max(200, host.clientWidth), height: HEIGHT_PX });
  });
  const end = () => {
    watch.disconnect();
    plot.destroy();
  };
  endings.set(host, end);
  watch.observe(host);
  return plot;
}

/** Days where they are told day by day, else the clock; in this reader's own way, where uPlot knows only one. */
function timeAxis(timesMs) {
  const areDays = timesMs.length === 1 || timesMs.at(-1) - timesMs[0] > 2 * 2 * HALF_DAY_S * 1000;
  const told = (second) => (areDays ? dayOf : clockOf)(second * 1000);
  return { told, incrs: areDays ? DAY_STEPS_S : undefined, space: areDays ? 56 : 72, values: (_, ticks) => ticks.map(told) };
}

function widened(low, high, levels) {
  const values = [low, high, ...levels.map((level) => level.value)].filter(Number.isFinite);
  if (!values.length) return [0, 1];
  const [least, most] = [Math.min(...values), Math.max(...values)];
  const margin = (most - least || Math.abs(most) || 1) * 0.08;
  return [least - margin, most + margin];
}

function drawBands({ ctx: context, bbox, valToPos }, bands, colour) {
  for (const { fromMs, untilMs, kind } of bands) {
    const [left, right] = [fromMs, untilMs].map((atMs) => Math.max(bbox.left, Math.min(bbox.left + bbox.width, valToPos(atMs / 1000, "x", true))));
    context.fillStyle = colour(`--band-${kind}`);
    context.fillRect(left, bbox.top, right - left, bbox.height);
  }
}

function drawLevels({ ctx: context, bbox, valToPos }, levels, colour) {
  context.save();
  context.font = `${11 * devicePixelRatio}px system-ui`;
  for (const { value, text, isClearing } of levels) {
    const y = valToPos(value, "y", true);
    context.strokeStyle = colour(isClearing ? "--good" : "--critical");
    context.fillStyle = context.strokeStyle;
    context.lineWidth = 1.5 * devicePixelRatio;
    context.setLineDash(isClearing ? [3 * devicePixelRatio, 3 * devicePixelRatio] : []);
    context.beginPath();
    context.moveTo(bbox.left, y);
    context.lineTo(bbox.left + bbox.width, y);
    context.stroke();
    context.textAlign = "left";
    const isRoomAbove = !isClearing || levels.every((other) => other.isClearing || other.value < value);
    context.fillText(text, bbox.left + 6, y + (isRoomAbove ? -4 : 12) * devicePixelRatio);
  }
  context.restore();
}

function drawMoments({ ctx: context, bbox, valToPos }, moments, colour) {
  context.save();
  context.font = `${11 * devicePixelRatio}px system-ui`;
  context.textAlign = "left";
  for (const { atMs, text } of moments) {
    const x = valToPos(atMs / 1000, "x", true);
    if (x < bbox.left || x > bbox.left + bbox.width) continue;
    context.strokeStyle = colour("--ink");
    context.lineWidth = devicePixelRatio;
    context.setLineDash([2 * devicePixelRatio, 3 * devicePixelRatio]);
    context.beginPath();
    context.moveTo(x, bbox.top);
    context.lineTo(x, bbox.top + bbox.height);
    context.stroke();
    context.fillStyle = colour("--ink");
    context.fillText(text, x + 4 * devicePixelRatio, bbox.top + bbox.height - 5 * devicePixelRatio);
  }
  context.restore();
}
