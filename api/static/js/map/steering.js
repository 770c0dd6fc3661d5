// Moving a map by mouse, finger and keyboard.

const STEP_PX = 80;
const CLICK_PX = 5;

/** Joins a map's front canvas with its camera; calls the map's `click` and `hover` listeners in pixels. */
export function steer(map) {
  const { front, camera } = map;
  const held = new Map();
  let [travelled, pinchPx] = [0, 0];
  const at = (event) => {
    const { left, top } = front.getBoundingClientRect();
    return [event.clientX - left, event.clientY - top];
  };
  const moved = () => {
    map.isChosenByHand = true;
    map.changed();
  };
  front.addEventListener("pointerdown", (event) => {
    front.setPointerCapture(event.pointerId);
    held.set(event.pointerId, at(event));
    if (held.size === 1) travelled = 0;
    pinchPx = spread(held);
  });
  front.addEventListener("pointermove", (event) => {
    const [x, y] = at(event);
    const before = held.get(event.pointerId);
    if (!before) {
      map.listeners.hover(x, y);
      return;
    }
    held.set(event.pointerId, [x, y]);
    travelled += Math.abs(x - before[0]) + Math.abs(y - before[1]);
    if (travelled <= CLICK_PX) return;
    camera.pan((x - before[0]) / held.size, (y - before[1]) / held.size);
    if (held.size === 2) {
      const wide = spread(held);
      if (pinchPx && wide) camera.zoomAt(x, y, Math.log2(wide / pinchPx));
      pinchPx = wide;
    }
    moved();
  });
  const release = (event) => {
    if (held.delete(event.pointerId) && event.type === "pointerup" && travelled <= CLICK_PX) map.listeners.click(...at(event));
  };
  front.addEventListener("pointerup", release);
  front.addEventListener("pointercancel", release);
  front.addEventListener("pointerleave", () => map.listeners.hover(null, null));
  front.addEventListener("wheel", (event) => {
    event.preventDefault();
    camera.zoomAt(...at(event), Math.max(-1, Math.min(1, -event.deltaY / 250)));
    moved();
  }, { passive: false });
  front.addEventListener("keydown", (event) => {
    const step = { ArrowLeft: [STEP_PX, 0], ArrowRight: [-STEP_PX, 0], ArrowUp: [0, STEP_PX], ArrowDown: [0, -STEP_PX] }[event.key];
    const levels = { "+": 1, "=": 1, "-": -1 }[event.key];
    if (step) camera.pan(...step);
    else if (levels) camera.zoomAt(camera.width / 2, camera.height / 2, levels);
    else if (event.key === "Enter") map.listeners.click(camera.width / 2, camera.height / 2);
    else return;
    event.preventDefault();
    moved();
  });
}

function spread(held) {
  if (held.size !== 2) return 0;
  const [[x1, y1], [x2, y2]] = held.values();
  return Math.hypot(x1 - x2, y1 - y2);
}
