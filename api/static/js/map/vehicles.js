// Vehicles on a map, as arrays: each moves from where it was drawn to where it was last heard.

import { boundsOf, latitudeOf, longitudeOf, mercatorX, mercatorY } from "./camera.js";

export const HEALTH = ["healthy", "info", "warning", "critical", "silent"];
const SILENT = HEALTH.indexOf("silent");
const FIRST_CAPACITY = 1024;
const SPANS_MS = [300, 12_000];
const FAR = 0.002; // of the world, 80 km: a car that was carried there did not drive

export class Vehicles {
  constructor() {
    this.count = 0;
    this.indexes = new Map();
    this.facts = [];
    this.movingUntilMs = 0;
    this.#allot(FIRST_CAPACITY);
  }

  /** Takes GeoJSON features as the API gives them, at `nowMs` of the page's clock. */
  take(features, nowMs) {
    for (const feature of features) this.#place(feature, nowMs);
  }

  /** Forgets those that a whole answer does not name any more. */
  keepOnly(ids) {
    for (const [id, at] of this.indexes) this.gone[at] = ids.has(id) ? 0 : 1;
  }

  /** Shows those that `wanted(facts)` likes. */
  filter(wanted) {
    for (let at = 0; at < this.count; at++) this.shown[at] = !this.gone[at] && wanted(this.facts[at]) ? 1 : 0;
  }

  /** Where each is drawn at `nowMs`, into `drawnX` and `drawnY`. */
  advance(nowMs) {
    const { count, fromX, fromY, toX, toY, startMs, spanMs, drawnX, drawnY } = this;
    for (let at = 0; at < count; at++) {
      const share = (nowMs - startMs[at]) / spanMs[at];
      if (share >= 1) {
        drawnX[at] = toX[at];
        drawnY[at] = toY[at];
      } else {
        drawnX[at] = fromX[at] + (toX[at] - fromX[at]) * share;
        drawnY[at] = fromY[at] + (toY[at] - fromY[at]) * share;
      }
    }
  }

  /** What holds them all, in degrees. */
  bounds() {
    return boundsOf(this.facts.map((_, at) => [longitudeOf(this.toX[at]), latitudeOf(this.toY[at])]));
  }

  isMoving(nowMs) {
    return nowMs < this.movingUntilMs;
  }

  #place({ geometry, properties }, nowMs) {
    const id = properties.vehicle_id;
    const [x, y] = [mercatorX(geometry.coordinates[0]), mercatorY(geometry.coordinates[1])];
    const known = this.indexes.get(id);
    const at = known ?? this.#added(id);
    this.gone[at] = 0;
    const isNewer = known === undefined || properties.recorded_at_ms > this.facts[at].recorded_at_ms;
    if (known === undefined) [this.toX[at], this.toY[at], this.drawnX[at], this.drawnY[at]] = [x, y, x, y];
    if (isNewer) this.#head(at, x, y, nowMs, known === undefined);
    this.facts[at] = isNewer ? properties : { ...this.facts[at], severity: properties.severity, is_silent: properties.is_silent };
    this.health[at] = properties.is_silent && properties.severity !== "critical" ? SILENT : Math.max(0, HEALTH.indexOf(properties.severity));
  }

  /** Begins a way from where it is drawn; it takes as long as the last one took to be told of. */
  #head(at, x, y, nowMs, isNew) {
    const elapsedMs = isNew ? 0 : nowMs - this.heardMs[at];
    this.heardMs[at] = nowMs;
    const isFar = Math.abs(x - this.drawnX[at]) + Math.abs(y - this.drawnY[at]) > FAR;
    [this.fromX[at], this.fromY[at]] = isFar ? [x, y] : [this.drawnX[at], this.drawnY[at]];
    [this.toX[at], this.toY[at]] = [x, y];
    this.startMs[at] = nowMs;
    this.spanMs[at] = Math.max(SPANS_MS[0], Math.min(SPANS_MS[1], elapsedMs * 1.1));
    if (!isNew) this.movingUntilMs = Math.max(this.movingUntilMs, nowMs + this.spanMs[at]);
  }

  #added(id) {
    if (this.count === this.toX.length) this.#allot(this.count * 2);
    this.indexes.set(id, this.count);
    this.shown[this.count] = 1;
    return this.count++;
  }

  #allot(capacity) {
    for (const name of ["fromX", "fromY", "toX", "toY", "startMs", "spanMs", "heardMs", "drawnX", "drawnY"]) {
      this[name] = grown(Float64Array, this[name], capacity);
    }
    for (const name of ["health", "shown", "gone"]) this[name] = grown(Uint8Array, this[name], capacity);
  }
}

function grown(Kind, old, capacity) {
  const made = new Kind(capacity);
  if (old) made.set(old);
  return made;
}
