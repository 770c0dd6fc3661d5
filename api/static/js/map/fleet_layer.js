// The fleet on a map: dots by health, circles where there are many, the chosen one marked.

import { Clusters, drawClusters } from "./clusters.js";
import { Painter } from "./painter.js";

const NEAR_PX = 14;
const MOST_RAISED = 500;
const RADII = { 2: 6, 3: 7 }; // of warning and critical

export class FleetLayer {
  #clusters = new Clusters();
  #order = new Uint32Array(0);
  #sorted = { count: 0, clusters: [] };

  constructor(vehicles) {
    this.vehicles = vehicles;
    this.isGrouping = true;
    this.chosen = null;
    this.frames = 0;
  }

  resize(map) {
    const [, context] = map.contexts;
    this.painter ??= new Painter(context);
    const { front, ratio, colours, camera } = map;
    this.painter.prepare(front.width, front.height, ratio * camera.text, colours.health, colours.ringChannels);
  }

  draw(context, map, nowMs) {
    const { vehicles } = this;
    vehicles.advance(nowMs);
    this.#sort(map.camera);
    this.painter.paint(vehicles, this.#order, this.#sorted.count, map.camera, map.ratio);
    drawClusters(context, this.#sorted.clusters, map.colours);
    if (this.#sorted.clusters.length) this.#raise(context, map);
    this.#mark(context, map);
    this.frames += 1;
    return vehicles.isMoving(nowMs);
  }

  /** What is near a point of the screen, also where no frame has drawn it yet: {vehicle} or {cluster} or null. */
  near(x, y, camera) {
    this.#sort(camera);
    const { drawnX, drawnY, facts } = this.vehicles;
    let [best, bestPx] = [null, NEAR_PX];
    for (let place = 0; place < this.#sorted.count; place++) {
      const at = this.#order[place];
      const [dotX, dotY] = camera.toScreen(drawnX[at], drawnY[at]);
      const px = Math.hypot(dotX - x, dotY - y);
      if (px <= bestPx) [best, bestPx] = [{ vehicle: facts[at], x: dotX, y: dotY }, px];
    }
    if (best) return best;
    const cluster = this.#sorted.clusters.find((one) => Math.hypot(one.x - x, one.y - y) < 24);
    return cluster ? { cluster, x: cluster.x, y: cluster.y } : null;
  }

  #sort(camera) {
    if (this.#order.length < this.vehicles.count) this.#order = new Uint32Array(this.vehicles.count * 2);
    this.#sorted = this.#clusters.sort(this.vehicles, camera, this.#order, this.isGrouping);
  }

  /** Draws cars in need once more, above the circles; they stand last in the order. */
  #raise(context, { camera, colours }) {
    const { drawnX, drawnY, health } = this.vehicles;
    const fewest = Math.max(0, this.#sorted.count - MOST_RAISED);
    for (let place = this.#sorted.count - 1; place >= fewest && RADII[health[this.#order[place]]]; place--) {
      const at = this.#order[place];
      const [x, y] = camera.toScreen(drawnX[at], drawnY[at]);
      context.beginPath();
      context.arc(x, y, RADII[health[at]] * camera.text, 0, 2 * Math.PI);
      context.fillStyle = `rgb(${colours.health[health[at]].join(" ")})`;
      context.fill();
      context.lineWidth = 1.3;
      context.strokeStyle = colours.ring;
      context.stroke();
    }
  }

  #mark(context, map) {
    const at = this.vehicles.indexes.get(this.chosen);
    if (at === undefined) return;
    const [x, y] = map.camera.toScreen(this.vehicles.drawnX[at], this.vehicles.drawnY[at]);
    context.beginPath();
    context.arc(x, y, 12, 0, 2 * Math.PI);
    context.lineWidth = 3;
    context.strokeStyle = map.colours.accent;
    context.stroke();
  }
}
