// One vehicle on a map: where it is, where it came from while we looked, where its alerts were raised.

import { boundsOf, mercatorX, mercatorY } from "./camera.js";
import { trace, ways } from "./roads.js";

const MOST = 2000;
const MARGIN_DEG = 0.006;

export class TrailLayer {
  constructor() {
    this.places = [];
    this.alerts = [];
    this.ways = [];
  }

  /** Takes a vehicle as the API tells it. Gives whether the map has nothing to look at yet but this. */
  take({ reading, alerts }) {
    this.severity = alerts[0]?.severity ?? null;
    if (!Number.isFinite(reading?.latitude_deg)) return false;
    const last = this.places.at(-1);
    const here = [reading.longitude_deg, reading.latitude_deg];
    if (!last || last[0] !== here[0] || last[1] !== here[1]) this.places.push(here);
    if (this.places.length > MOST) this.places.shift();
    return !last;
  }

  /** Takes the ways of trips, as GeoJSON lines. */
  takeWays(features) {
    this.ways = ways(features);
  }

  takeAlerts(alerts) {
    this.alerts = alerts.filter((alert) => Number.isFinite(alert.latitude_deg));
  }

  bounds() {
    return widened(this.places);
  }

  boundsOf(features) {
    return widened(features.flatMap((feature) => feature.geometry.coordinates));
  }

  drawPath(context, camera, colours) {
    context.lineCap = "round";
    context.beginPath();
    for (const { points } of this.ways) trace(context, points, camera);
    context.lineWidth = 5 * camera.text;
    context.strokeStyle = colours.series[1];
    context.stroke();
    if (this.places.length > 1) {
      context.beginPath();
      this.places.forEach(([longitude, latitude], at) => {
        const [x, y] = camera.toScreen(mercatorX(longitude), mercatorY(latitude));
        if (at) context.lineTo(x, y);
        else context.moveTo(x, y);
      });
      context.lineWidth = 4;
      context.strokeStyle = colours.accent;
      context.stroke();
    }
    for (const alert of this.alerts) {
      const [x, y] = camera.toScreen(mercatorX(alert.longitude_deg), mercatorY(alert.latitude_deg));
      dot(context, x, y, 5, colours.ground, shade(alert.severity, colours), 2.5);
    }
  }

  draw(context, map) {
    const here = this.places.at(-1);
    if (!here) return false;
    const [x, y] = map.camera.toScreen(mercatorX(here[0]), mercatorY(here[1]));
    dot(context, x, y, 8, shade(this.severity, map.colours), map.colours.ring, 2.5);
    return false;
  }
}

function widened(places) {
  const [west, south, east, north] = boundsOf(places);
  return [west - MARGIN_DEG, south - MARGIN_DEG, east + MARGIN_DEG, north + MARGIN_DEG];
}

function dot(context, x, y, radius, fill, stroke, width) {
  context.beginPath();
  context.arc(x, y, radius, 0, 2 * Math.PI);
  context.fillStyle = fill;
  context.fill();
  context.lineWidth = width;
  context.strokeStyle = stroke;
  context.stroke();
}

function shade(severity, colours) {
  const at = ["info", "warning", "critical"].indexOf(severity) + 1;
  return `rgb(${colours.health[at].join(" ")})`;
}
