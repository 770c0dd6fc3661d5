// The fleet on a map: dots by health, circles where there are many, the chosen one marked.

import { Clusters, drawClusters } from "./clusters.js";
import { Painter } from "./painter.js";

const NEAR_PX = 14;

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
