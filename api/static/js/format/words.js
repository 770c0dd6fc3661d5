// What things on the wire are called for people.

const SUFFIXES = ["kmh", "kpa", "mps2", "gps", "pct", "deg", "rpm", "ml", "ms", "c", "m", "s", "v"];
const NAMES = {
  engine_rpm: "Engine speed", tyre_pressures_kpa: "Tyre pressures", trip_idle_s: "Idling in this trip",
  air_flow_gps: "Air flow", trip_distance_m: "Distance of this trip", trip_fuel_ml: "Fuel of this trip",
};

/** The unit in a signal's name, or "" where it has none. */
export function unitOf(signal) {
  const last = signal.split("_").at(-1);
  return SUFFIXES.includes(last) ? last : "";
}

/** A signal's name without its unit: `coolant_c` is "Coolant". */
export function signalName(signal) {
  if (NAMES[signal]) return NAMES[signal];
  const words = signal.split("_");
  if (unitOf(signal) && words.length > 1) words.pop();
  return sentence(words.join(" "));
}

export const ruleName = (rule) => sentence(rule.replaceAll("_", " "));

export const sentence = (text) => (text ? text[0].toUpperCase() + text.slice(1) : text);

/** A share that two counts tell, as "3 vehicles". */
export const counted = (count, one, many = `${one}s`) => `${count.toLocaleString()} ${count === 1 ? one : many}`;
