// Quantities for people, metric or US. What comes over the wire is metric, with the unit in the name.

import { preferences } from "../preferences.js";

const KM_PER_MILE = 1.609344;
const L_PER_GALLON = 3.785411784;
const MPG_TIMES_L_PER_100KM = 235.215;
const KPA_PER_PSI = 6.894757;

const same = (value) => value;
const METRIC = {
  kmh: ["km/h", same, 0], c: ["°C", same, 1], kpa: ["kPa", same, 0], m: ["m", same, 0], ml: ["ml", same, 0],
  v: ["V", same, 2], pct: ["%", same, 1], rpm: ["rpm", same, 0], mps2: ["m/s²", same, 2], gps: ["g/s", same, 1],
  deg: ["°", same, 1], s: ["s", same, 0], km: ["km", same, 1], l: ["L", same, 2], l100: ["L/100 km", same, 2],
};
const US = {
  ...METRIC,
  kmh: ["mph", (v) => v / KM_PER_MILE, 0], c: ["°F", (v) => v * 1.8 + 32, 0], kpa: ["psi", (v) => v / KPA_PER_PSI, 1],
  m: ["ft", (v) => v / 0.3048, 0], km: ["mi", (v) => v / KM_PER_MILE, 1], l: ["gal", (v) => v / L_PER_GALLON, 2],
  l100: ["mpg", (v) => MPG_TIMES_L_PER_100KM / v, 1],
};

export const isUs = () => preferences.get("units", "metric") === "us";

/** What a unit is called, how it is converted and how many digits tell something. */
export function unit(name) {
  const [text, convert, digits] = (isUs() ? US : METRIC)[name] ?? ["", same, 1];
  return { text, convert, digits };
}

export function number(value, digits = 0) {
  if (value === null || value === undefined || Number.isNaN(value)) return "–";
  return value.toLocaleString(undefined, { minimumFractionDigits: digits, maximumFractionDigits: digits });
}

/** A quantity with its unit. */
export function quantity(value, name, digits = null) {
  if (value === null || value === undefined) return "–";
  const { text, convert, digits: told } = unit(name);
  const usual = name || !Number.isInteger(value) ? told : 0;
  return `${number(convert(value), digits ?? usual)}${text === "°" || text === "%" ? "" : "\u00a0"}${text}`;
}

export const distance = (metres) => quantity(metres === null ? null : metres / 1000, "km");
/** Fuel in litres or gallons; a little of it in millilitres, where those are used. */
export function fuel(millilitres) {
  if (millilitres !== null && millilitres < 1000 && !isUs()) return quantity(millilitres, "ml");
  return quantity(millilitres === null ? null : millilitres / 1000, "l", millilitres < 1000 ? 3 : null);
}
export const consumption = (litresPer100km) => quantity(litresPer100km, "l100");
