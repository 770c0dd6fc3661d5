// The signals around an alert as charts, with what the rule asks of them drawn in.

import { element } from "../element.js";
import { quantity, unit } from "../format/units.js";
import { signalName, unitOf } from "../format/words.js";
import { seriesChart } from "../charts/series.js";
import { near } from "../live/evidence.js";
import { readCondition } from "../rules/expression.js";
import { curves, plain, withRegistry } from "../rules/rulebook.js";

const BESIDE = ["speed_kmh", "engine_rpm"]; // what the car was doing
const MOST = 5;
const SIGNS = { ">=": "≥", "<=": "≤", ">": ">", "<": "<" };

/** Fills `host` with one chart for each signal of the rule, and of what the car was doing. */
export async function signalCharts(host, alert, rule, told, registry) {
  const readings = near(told.readings, alert).map((reading) => withRegistry(reading, registry));
  readings.sort((one, other) => one.recorded_at_ms - other.recorded_at_ms); // they come as the broker got them, late ones last
  const shown = rule ? curves(rule) : [];
  for (const name of BESIDE) if (!shown.some((curve) => curve.name === name)) shown.push(plain(name));
  const bands = rule ? bandsOf(alert, rule, readings) : [];
  const moments = [{ atMs: alert.raised_at_ms, text: "raised" }];
  if (alert.cleared_at_ms) moments.push({ atMs: alert.cleared_at_ms, text: "cleared" });
  host.replaceChildren();
  for (const curve of shown.slice(0, MOST)) {
    const values = readings.map((reading) => finite(curve.value(reading)));
    if (!values.some((value) => value !== null)) continue;
    const box = element("div", { className: "chart" });
    host.append(element("figure", {}, element("figcaption", {}, signalName(curve.name)), box));
    await drawn(box, curve, { readings, values, bands, moments });
  }
  if (!host.childElementCount) host.append(element("p", { className: "empty" }, "These readings have none of the rule's signals."));
}

function drawn(box, curve, { readings, values, bands, moments }) {
  const name = unitOf(curve.name);
  const { text, convert, digits } = unit(name);
  const converted = values.map((value) => (value === null ? null : convert(value)));
  const levels = levelsOf(curve, readings).map((level) => ({
    value: convert(level.value), isClearing: level.isClearing,
    text: `${level.isClearing ? "clears" : "raises"} ${SIGNS[level.operator]} ${quantity(level.value, name, Number.isInteger(level.value) ? 0 : null)}`,
  }));
  const known = converted.filter((value) => value !== null);
  const range = `from ${Math.min(...known).toFixed(digits)} to ${Math.max(...known).toFixed(digits)} ${text}`;
  return seriesChart(box, {
    timesMs: readings.map((reading) => reading.recorded_at_ms),
    curves: [{ label: signalName(curve.name), values: converted }],
    levels, bands, moments, unit: text, digits,
    label: `${signalName(curve.name)} ${range}${levels.map((level) => `; ${level.text}`).join("")}`,
  });
}

function levelsOf(curve, readings) {
  const last = readings.at(-1);
  const found = curve.levels.map((level) => ({ ...level, value: level.value(last) })).filter((level) => Number.isFinite(level.value));
  return found.filter((level, at) => found.findIndex((one) => one.value === level.value && one.isClearing === level.isClearing) === at);
}

/** Where the enabling condition did not hold, and how long the level had to hold before the raise. */
function bandsOf(alert, rule, readings) {
  const bands = [];
  if (rule.for_s) bands.push({ fromMs: alert.raised_at_ms - rule.for_s * 1000, untilMs: alert.raised_at_ms, kind: "held" });
  const condition = readCondition(rule.when);
  if (!condition) return bands;
  let fromMs = null;
  readings.forEach((reading, at) => {
    const isKnown = condition.signals.every((signal) => reading[signal] !== undefined);
    const isOff = isKnown && !condition.value(reading);
    if (isOff) fromMs ??= reading.recorded_at_ms;
    if (fromMs !== null && (!isOff || at === readings.length - 1)) {
      bands.push({ fromMs, untilMs: reading.recorded_at_ms, kind: "off" });
      fromMs = null;
    }
  });
  return bands;
}

const finite = (value) => (Number.isFinite(value) ? value : null);
