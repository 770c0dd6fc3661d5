// Dashcam pictures, fetched with the key and painted on a canvas.

import { card, element } from "../element.js";
import { moment } from "../format/time.js";
import { quantity } from "../format/units.js";
import { sentence } from "../format/words.js";

const SHOWN = 6;
const NEAR_MS = 120_000;

/** Fills `host` with a vehicle's pictures, those near `atMs` only where it is given; with nothing where there are none. */
export async function snapshots(host, client, vin, atMs = null) {
  const told = await client.askIfThere(`/v1/vehicles/${vin}/snapshots`).catch(() => null);
  const found = (told?.snapshots ?? [])
    .filter((one) => atMs === null || Math.abs(one.recorded_at_ms - atMs) < NEAR_MS)
    .slice(0, SHOWN);
  if (!found.length) return;
  host.replaceChildren(card("Dashcam", element("div", { className: "pictures" }, found.map((one) => picture(client, one)))));
}

function picture(client, shown) {
  const label = `${sentence(shown.event.replaceAll("_", " "))}: ${shown.detail}`;
  const canvas = element("canvas", { role: "img", "aria-label": label });
  client.open(shown.picture).then((response) => response.blob()).then(createImageBitmap).then((bitmap) => {
    Object.assign(canvas, { width: bitmap.width, height: bitmap.height });
    canvas.getContext("2d").drawImage(bitmap, 0, 0);
  }).catch(() => canvas.replaceWith(element("p", { className: "empty" }, "This picture cannot be shown.")));
  return element("figure", {}, canvas,
    element("figcaption", {}, label, element("span", { className: "soft below" }, moment(shown.recorded_at_ms), ` · ${quantity(shown.speed_kmh, "kmh")}`)));
}
