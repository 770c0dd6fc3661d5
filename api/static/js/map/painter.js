// Paints thousands of dots a frame into the bytes of a picture: faster than drawing them one by one without a GPU.

import { HEALTH } from "./vehicles.js";

export class Painter {
  #picture = null;
  #sprites = null;
  #dirty = null;

  constructor(context) {
    this.context = context;
  }

  /** Prepares for a size in device pixels; dots grow with `ratio`. `colours` are [r, g, b] by health, `ring` is around each. */
  prepare(width, height, ratio, colours, ring) {
    this.#picture = this.context.createImageData(Math.max(1, width), Math.max(1, height));
    this.pixels = new Uint32Array(this.#picture.data.buffer);
    this.#sprites = HEALTH.map((health, at) =>
      sprite(ratio * (health === "critical" ? 7.5 : health === "warning" ? 6.2 : 5), ratio, colours[at], ring));
    this.#dirty = null;
  }

  /** Paints `order[0..count)` of the vehicles, later ones over earlier ones. */
  paint(vehicles, order, count, camera, ratio) {
    const { width, height } = this.#picture;
    if (this.#dirty) this.pixels.fill(0);
    const scale = camera.scale * ratio;
    const [shiftX, shiftY] = [(camera.width / 2) * ratio - camera.x * scale, (camera.height / 2) * ratio - camera.y * scale];
    const { drawnX, drawnY, health } = vehicles;
    for (let place = 0; place < count; place++) {
      const at = order[place];
      const made = this.#sprites[health[at]];
      const left = Math.round(drawnX[at] * scale + shiftX) - made.half;
      const top = Math.round(drawnY[at] * scale + shiftY) - made.half;
      if (left < 0 || top < 0 || left + made.size > width || top + made.size > height) continue;
      const { pixels, offsets, values } = made.on(width, this.pixels);
      const origin = top * width + left;
      for (let i = 0; i < offsets.length; i++) pixels[origin + offsets[i]] = values[i];
    }
    this.#dirty = count > 0;
    this.context.putImageData(this.#picture, 0, 0);
  }
}

/** A dot with a ring: offsets in a picture of some width, and colours in the byte order of this machine. */
function sprite(radius, ratio, colour, ring) {
  const half = Math.ceil(radius + 1);
  const dots = [];
  for (let y = -half; y <= half; y++) {
    for (let x = -half; x <= half; x++) {
      const reach = Math.hypot(x, y);
      const cover = Math.max(0, Math.min(1, radius - reach + 0.5));
      if (cover < 0.15) continue;
      const inner = Math.max(0, Math.min(1, radius - 1.3 * ratio - reach + 0.5));
      const mixed = colour.map((part, at) => Math.round(part * inner + ring[at] * (1 - inner)));
      dots.push([x + half, y + half, packed(mixed, Math.round(cover * 255))]);
    }
  }
  const values = Uint32Array.from(dots, (dot) => dot[2]);
  let [knownWidth, offsets] = [0, null];
  return {
    half,
    size: 2 * half + 1,
    on(width, pixels) {
      if (width !== knownWidth) [knownWidth, offsets] = [width, Int32Array.from(dots, ([x, y]) => y * width + x)];
      return { pixels, offsets, values };
    },
  };
}

function packed([red, green, blue], alpha) {
  return new Uint32Array(Uint8Array.of(red, green, blue, alpha).buffer)[0];
}
