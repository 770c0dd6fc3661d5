// Where a map looks: Web Mercator, the whole world 1 wide and 1 high; zoom as in other maps (256 px at zoom 0).

const TILE_PX = 256;
const ZOOMS = [2, 20];
const STEEPEST_DEG = 85.0511;

export const mercatorX = (longitudeDeg) => longitudeDeg / 360 + 0.5;

export function mercatorY(latitudeDeg) {
  const bounded = Math.max(-STEEPEST_DEG, Math.min(STEEPEST_DEG, latitudeDeg));
  return 0.5 - Math.log(Math.tan(Math.PI / 4 + (bounded * Math.PI) / 360)) / (2 * Math.PI);
}

export const longitudeOf = (x) => (x - 0.5) * 360;
export const latitudeOf = (y) => (Math.atan(Math.exp((0.5 - y) * 2 * Math.PI)) * 360) / Math.PI - 90;

export class Camera {
  constructor() {
    Object.assign(this, { x: 0.5, y: 0.5, zoom: 3, width: 1, height: 1, text: 1 }); // text: how much larger than usual it is on this screen
  }

  /** Pixels of the screen for the whole world. */
  get scale() {
    return TILE_PX * 2 ** this.zoom;
  }

  toScreen(x, y) {
    return [(x - this.x) * this.scale + this.width / 2, (y - this.y) * this.scale + this.height / 2];
  }

  fromScreen(screenX, screenY) {
    return [(screenX - this.width / 2) / this.scale + this.x, (screenY - this.height / 2) / this.scale + this.y];
  }

  pan(dxPx, dyPx) {
    this.x -= dxPx / this.scale;
    this.y -= dyPx / this.scale;
  }

  /** Zooms by `levels` and keeps what is at that point of the screen where it is. */
  zoomAt(screenX, screenY, levels) {
    const [x, y] = this.fromScreen(screenX, screenY);
    this.zoom = Math.max(ZOOMS[0], Math.min(ZOOMS[1], this.zoom + levels));
    const [movedX, movedY] = this.fromScreen(screenX, screenY);
    this.x += x - movedX;
    this.y += y - movedY;
  }

  /** Looks at bounds (west, south, east, north in degrees), with a margin. */
  fit([west, south, east, north], marginPx = 40) {
    const [left, right, top, bottom] = [mercatorX(west), mercatorX(east), mercatorY(north), mercatorY(south)];
    this.x = (left + right) / 2;
    this.y = (top + bottom) / 2;
    const across = Math.max(40, this.width - 2 * marginPx) / Math.max(right - left, 1e-7);
    const down = Math.max(40, this.height - 2 * marginPx) / Math.max(bottom - top, 1e-7);
    this.zoom = Math.max(ZOOMS[0], Math.min(16.5, Math.log2(Math.min(across, down) / TILE_PX)));
  }

  /** What is seen, in degrees, widened on every side by a share of it. */
  bounds(wider = 0) {
    const [dx, dy] = [(0.5 + wider) * this.width, (0.5 + wider) * this.height];
    const [left, top] = this.fromScreen(this.width / 2 - dx, this.height / 2 - dy);
    const [right, bottom] = this.fromScreen(this.width / 2 + dx, this.height / 2 + dy);
    return [Math.max(-180, longitudeOf(left)), latitudeOf(bottom), Math.min(180, longitudeOf(right)), latitudeOf(top)];
  }
}

/** The bounds of places (longitude, latitude), or null without any. */
export function boundsOf(places) {
  if (!places.length) return null;
  const bounds = [Infinity, Infinity, -Infinity, -Infinity];
  for (const [longitude, latitude] of places) {
    bounds[0] = Math.min(bounds[0], longitude);
    bounds[1] = Math.min(bounds[1], latitude);
    bounds[2] = Math.max(bounds[2], longitude);
    bounds[3] = Math.max(bounds[3], latitude);
  }
  return bounds;
}
