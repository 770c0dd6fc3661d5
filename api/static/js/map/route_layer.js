// Routes on a map: the three ways beside one another, and their two ends.

import { boundsOf, mercatorX, mercatorY } from "./camera.js";

const ORDER = ["distance", "time", "fuel"]; // the frugal way is drawn last, on top
const WIDTHS_PX = { fuel: 4, time: 8.5, distance: 13 }; // where ways are the same, each shows at the edges of the next

export class RouteLayer {
  constructor() {
    this.clear();
  }

  clear() {
    this.features = [];
    this.ends = [];
  }

  take(answer) {
    this.features = ORDER.map((kind) => answer.features.find((feature) => feature.id === kind)).filter(Boolean);
    this.ends = [answer.from, answer.to].map((end) => [end.longitude_deg, end.latitude_deg]);
  }

  bounds() {
    return boundsOf(this.features.flatMap((feature) => feature.geometry.coordinates));
  }

  draw(context, map) {
    const colour = Object.fromEntries(["fuel", "time", "distance"].map((kind, at) => [kind, map.colours.series[at]]));
    context.lineCap = "round";
    context.lineJoin = "round";
    for (const { id, geometry } of this.features) {
      trace(context, geometry.coordinates, map.camera);
      context.lineWidth = WIDTHS_PX[id];
      context.strokeStyle = colour[id];
      context.stroke();
    }
    this.ends.forEach((end, at) => pin(context, map, end, at ? "B" : "A"));
    return false;
  }
}

function trace(context, coordinates, camera) {
  context.beginPath();
  coordinates.forEach(([longitude, latitude], at) => {
    const [x, y] = camera.toScreen(mercatorX(longitude), mercatorY(latitude));
    if (at) context.lineTo(x, y);
    else context.moveTo(x, y);
  });
}

function pin(context, map, [longitude, latitude], letter) {
  const [x, y] = map.camera.toScreen(mercatorX(longitude), mercatorY(latitude));
  context.beginPath();
  context.arc(x, y, 11, 0, 2 * Math.PI);
  context.fillStyle = map.colours.ink;
  context.fill();
  context.fillStyle = map.colours.ground;
  context.font = "700 13px system-ui, sans-serif";
  context.textAlign = "center";
  context.textBaseline = "middle";
  context.fillText(letter, x, y + 0.5);
}
