// A map on two canvases: the backdrop, drawn when the view changes, and what moves, drawn each frame.

import { element } from "../element.js";
import { Camera } from "./camera.js";
import { mapColours } from "./colours.js";
import { drawRoads } from "./roads.js";
import { steer } from "./steering.js";

export class CanvasMap {
  #frame = null;
  #isBackdropStale = true;

  /** `label` says what it shows to those who do not see it. */
  constructor(label) {
    this.camera = new Camera();
    this.roads = [];
    this.backdrops = [];
    this.movers = [];
    this.listeners = { click: () => {}, hover: () => {}, move: () => {} };
    this.isChosenByHand = false;
    this.backdrop = element("canvas", { "aria-hidden": "true" });
    this.front = element("canvas", { tabIndex: 0, role: "application", "aria-label": label });
    this.node = element("div", { className: "map" }, this.backdrop, this.front, this.#buttons());
    this.contexts = [this.backdrop, this.front].map((canvas) => canvas.getContext("2d"));
    steer(this);
    this.watch = new ResizeObserver(() => this.#resize());
    this.watch.observe(this.node);
    this.scheme = matchMedia("(prefers-color-scheme: dark)");
    this.recolour = () => this.#resize();
    this.scheme.addEventListener("change", this.recolour);
    this.colours = mapColours();
  }

  /** Draws `draw(context, camera, colours)` on the backdrop, above the roads. */
  addBackdrop(draw) {
    this.backdrops.push(draw);
  }

  /** Draws each frame; `draw` gives whether it wants another. `resize` is told of every new size. */
  addMover(mover) {
    this.movers.push(mover);
    if (this.ratio) mover.resize?.(this);
  }

  setRoads(roads) {
    this.roads = roads;
    this.redraw();
  }

  fit(bounds) {
    this.wanted = bounds;
    if (this.ratio) this.camera.fit(bounds);
    this.changed();
  }

  /** Draws everything anew, and tells that the view is another. */
  changed() {
    this.redraw();
    this.listeners.move();
  }

  redraw() {
    this.#isBackdropStale = true;
    this.wake();
  }

  wake() {
    this.#frame ??= requestAnimationFrame((nowMs) => this.#draw(nowMs));
  }

  close() {
    cancelAnimationFrame(this.#frame);
    this.#frame = -1;
    this.watch.disconnect();
    this.scheme.removeEventListener("change", this.recolour);
  }

  #draw(nowMs) {
    this.#frame = null;
    if (!this.ratio) return;
    if (this.#isBackdropStale) this.#drawBackdrop();
    const [, context] = this.contexts;
    context.setTransform(this.ratio, 0, 0, this.ratio, 0, 0);
    context.clearRect(0, 0, this.camera.width, this.camera.height);
    let isMoving = false;
    for (const mover of this.movers) isMoving = mover.draw(context, this, nowMs) || isMoving;
    if (isMoving) this.wake();
  }

  #drawBackdrop() {
    this.#isBackdropStale = false;
    const [context] = this.contexts;
    context.setTransform(this.ratio, 0, 0, this.ratio, 0, 0);
    context.fillStyle = this.colours.ground;
    context.fillRect(0, 0, this.camera.width, this.camera.height);
    drawRoads(context, this.roads, this.camera, this.colours);
    for (const draw of this.backdrops) draw(context, this.camera, this.colours);
  }

  #resize() {
    const { width, height } = this.node.getBoundingClientRect();
    if (!width || !height) return;
    const isFirst = !this.ratio;
    this.ratio = Math.min(2, devicePixelRatio || 1);
    Object.assign(this.camera, { width, height });
    this.colours = mapColours();
    this.camera.text = Math.max(1, parseFloat(getComputedStyle(document.documentElement).fontSize) / 15);
    for (const canvas of [this.backdrop, this.front]) {
      canvas.width = Math.round(width * this.ratio);
      canvas.height = Math.round(height * this.ratio);
    }
    for (const mover of this.movers) mover.resize?.(this);
    if (this.wanted && (isFirst || !this.isChosenByHand)) this.camera.fit(this.wanted);
    this.changed();
  }

  #buttons() {
    const zoom = (levels) => () => {
      this.isChosenByHand = true;
      this.camera.zoomAt(this.camera.width / 2, this.camera.height / 2, levels);
      this.changed();
    };
    const whole = () => {
      this.isChosenByHand = false;
      if (this.wanted) this.fit(this.wanted);
    };
    return element("div", { className: "map-buttons" },
      element("button", { type: "button", "aria-label": "Zoom in", onclick: zoom(1) }, "+"),
      element("button", { type: "button", "aria-label": "Zoom out", onclick: zoom(-1) }, "−"),
      element("button", { type: "button", "aria-label": "Show everything", title: "Show everything", onclick: whole }, "⤢"));
  }
}
