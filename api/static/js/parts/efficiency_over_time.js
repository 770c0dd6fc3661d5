// A vehicle's fuel efficiency day by day, against the median of its model.

import { element, empty } from "../element.js";
import { since } from "../format/time.js";
import { unit } from "../format/units.js";
import { counted } from "../format/words.js";
import { seriesChart } from "../charts/series.js";

const DAYS = 14;
const MOST_PLACES = 500;

/** Draws into `host`, and says in `note` where it comes from. */
export async function efficiencyOverTime(host, note, client, { vin, model, view }) {
  const told = await client.ask(`/v1/vehicles/${encodeURIComponent(vin)}/efficiency`, { period_kind: "day", view, limit: DAYS });
  const days = told.periods.filter((period) => period.litres_per_100km !== null).reverse();
  if (!days.length) {
    host.replaceChildren(empty("No day has a trip that counts yet.", "Trips count from 500 m on."));
    note.replaceChildren();
    return;
  }
  const medians = await Promise.all(days.map((day) => medianOf(client, model, day.period, view)));
  const { text, convert, digits } = unit("l100");
  const converted = (values) => values.map((value) => (value === null ? null : convert(value)));
  const own = days.map((day) => day.litres_per_100km);
  await seriesChart(host, {
    timesMs: days.map((day) => day.from_ms + 43_200_000),
    curves: [
      { label: "This car", values: converted(own), isPoints: true },
      { label: "Median of its model", values: converted(medians), isPoints: true, isDashed: true },
    ],
    unit: text, digits, label: `Consumption on ${counted(days.length, "day")}, last ${convert(own.at(-1)).toFixed(digits)} ${text}`,
  });
  const version = told.batch_view_version ? `batch version ${told.batch_view_version}` : "no batch version";
  note.replaceChildren(element("p", { className: "soft" }, `${counted(days.length, "day")} (UTC), ${version}`, told.as_of_ms && [", as of ", since(told.as_of_ms)]));
}

async function medianOf(client, model, period, view) {
  if (!model) return null;
  const told = await client.askIfThere("/v1/rankings/fuel-efficiency", { period_kind: "day", period, view, limit: MOST_PLACES });
  const values = (told?.places ?? []).filter((one) => one.model === model).map((one) => one.litres_per_100km).sort((one, other) => one - other);
  if (!values.length) return null;
  const middle = values.length / 2;
  return values.length % 2 ? values[Math.floor(middle)] : (values[middle - 1] + values[middle]) / 2;
}
