// The road network, asked for once; without one the map shows the cars alone.

import { ways } from "../map/roads.js";

let asked = null;

/** Gives ways to draw, none where this API has no roads. */
export function roads(client) {
  asked ??= client.askIfThere("/v1/roads", {}, { features: [] }).then((answer) => ways(answer.features ?? []), (error) => {
    asked = null;
    throw error;
  });
  return asked;
}
