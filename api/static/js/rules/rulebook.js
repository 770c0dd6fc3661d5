// The rules in force, asked for once, and what a chart draws of them.

import { comparisons, readCondition } from "./expression.js";

export class Rulebook {
  #asked = null;

  constructor(client) {
    this.client = client;
  }

  /** The rule of that name, or null: an alert may be older than the rules in force. */
  async rule(name) {
    this.#asked ??= this.client.ask("/v1/rules").catch((error) => {
      this.#asked = null;
      throw error;
    });
    return (await this.#asked).rules.find((rule) => rule.name === name) ?? null;
  }
}

/** The curves that a rule looks at: {name, unitName, value(signals), levels: [{value(signals), operator, isClearing}]}. */
export function curves(rule) {
  const found = new Map();
  const levels = comparisons(readCondition(rule.level));
  const clears = comparisons(readCondition(rule.clear));
  for (const [isClearing, claims] of [[false, levels], [true, clears]]) {
    for (const { left, right, operator } of claims) {
      const name = left.name;
      if (!name || name === "change" || (isClearing && !found.has(name))) continue;
      const curve = found.get(name) ?? { name, value: left.value, levels: [] };
      if (operator in { ">=": 1, "<=": 1, ">": 1, "<": 1 }) curve.levels.push({ value: right.value, operator, isClearing });
      found.set(name, curve);
    }
  }
  for (const signal of rule.signals) {
    if (!found.size || isNumberSignal(signal)) found.set(signal, found.get(signal) ?? plain(signal));
  }
  return [...found.values()].filter((curve) => isNumberSignal(curve.name));
}

/** A curve without levels. */
export const plain = (name) => ({ name, value: (given) => (Array.isArray(given[name]) ? Math.min(...given[name]) : given[name]), levels: [] });

const isNumberSignal = (name) => !["oil_level", "trouble_codes", "trip_s"].includes(name) && !name.includes(".");

/** The signals of a reading with what the registry says of the car, as rules name it. */
export function withRegistry(reading, registry) {
  const given = { ...reading, trip_s: (reading.recorded_at_ms - reading.trip_started_at_ms) / 1000 };
  for (const [name, value] of Object.entries(registry ?? {})) given[`vehicle.${name}`] = value;
  return given;
}
