// The road network as a backdrop: classes by width and colour, names where there is room.

import { mercatorX, mercatorY } from "./camera.js";

const CLASSES = [
  [/^motorway/, "major", 4.2, 8], [/^trunk/, "major", 3.6, 8], [/^primary/, "major", 3, 10],
  [/^secondary/, "middle", 2.4, 11], [/^tertiary/, "middle", 2, 12],
];
const OTHER = ["minor", 1.3, 13];
const NAMES_FROM_ZOOM = 14.2;

/** Makes ways to draw from GeoJSON lines; the two directions of a street are drawn once. */
export function ways(features) {
  const seen = new Set();
  const made = [];
  for (const { geometry, properties } of features) {
    if (geometry?.type !== "LineString") continue;
    const ends = [geometry.coordinates[0], geometry.coordinates.at(-1)].map((place) => place.map((v) => v.toFixed(5)).join());
    const key = `${ends.sort().join()} ${geometry.coordinates.length}`;
    if (seen.has(key)) continue;
    seen.add(key);
    made.push(way(geometry.coordinates, properties ?? {}));
  }
  return made.sort((one, other) => one.width - other.width);
}

function way(coordinates, properties) {
  const points = new Float64Array(coordinates.length * 2);
  const box = [Infinity, Infinity, -Infinity, -Infinity];
  coordinates.forEach(([longitude, latitude], at) => {
    const [x, y] = [mercatorX(longitude), mercatorY(latitude)];
    points[2 * at] = x;
    points[2 * at + 1] = y;
    [box[0], box[1], box[2], box[3]] = [Math.min(box[0], x), Math.min(box[1], y), Math.max(box[2], x), Math.max(box[3], y)];
  });
  const roadClass = properties.road_class ?? properties.highway ?? "";
  const [, kind, width, fromZoom] = CLASSES.find(([pattern]) => pattern.test(roadClass)) ?? [null, ...OTHER];
  return { points, box, kind, width, fromZoom, name: properties.name ?? "", properties };
}

/** Traces a way in pixels of the screen. */
export function trace(context, points, camera) {
  const { scale } = camera;
  const [shiftX, shiftY] = [camera.width / 2 - camera.x * scale, camera.height / 2 - camera.y * scale];
  context.moveTo(points[0] * scale + shiftX, points[1] * scale + shiftY);
  for (let at = 2; at < points.length; at += 2) context.lineTo(points[at] * scale + shiftX, points[at + 1] * scale + shiftY);
}

export function drawRoads(context, network, camera, colours) {
  const seen = network.filter((one) => isSeen(one.box, camera));
  const growth = Math.max(0.55, Math.min(3.4, 1.5 ** (camera.zoom - 14)));
  context.lineCap = "round";
  context.lineJoin = "round";
  for (const kind of ["minor", "middle", "major"]) {
    const drawn = seen.filter((one) => one.kind === kind && camera.zoom >= one.fromZoom - 3);
    for (const width of new Set(drawn.map((one) => one.width))) {
      context.beginPath();
      for (const one of drawn) if (one.width === width) trace(context, one.points, camera);
      context.lineWidth = width * growth;
      context.strokeStyle = colours[kind];
      context.stroke();
    }
  }
  if (camera.zoom >= NAMES_FROM_ZOOM) drawNames(context, seen, camera, colours);
}

function isSeen([left, top, right, bottom], camera) {
  const [seenLeft, seenTop] = camera.fromScreen(-20, -20);
  const [seenRight, seenBottom] = camera.fromScreen(camera.width + 20, camera.height + 20);
  return right >= seenLeft && left <= seenRight && bottom >= seenTop && top <= seenBottom;
}

/** Writes each name at its longest straight piece, and never one name over another. */
function drawNames(context, seen, camera, colours) {
  context.font = `500 ${11 * camera.text}px system-ui, sans-serif`;
  context.textAlign = "center";
  context.textBaseline = "middle";
  context.lineWidth = 3;
  context.strokeStyle = colours.ground;
  context.fillStyle = colours.name;
  const taken = new Set();
  const places = longestPieces(seen, camera);
  for (const { name, x, y, angle, length } of places.sort((one, other) => other.length - one.length)) {
    const text = name.split(" / ")[0].slice(0, 40);
    if (context.measureText(text).width > length * 1.6) continue;
    const cell = `${Math.round(x / (130 * camera.text))},${Math.round(y / (44 * camera.text))}`;
    if (taken.has(cell) || taken.has(text)) continue;
    taken.add(cell).add(text);
    context.save();
    context.translate(x, y);
    context.rotate(angle);
    context.strokeText(text, 0, 0);
    context.fillText(text, 0, 0);
    context.restore();
  }
}

function longestPieces(seen, camera) {
  const found = [];
  for (const { points, name } of seen) {
    if (!name) continue;
    const last = points.length - 2;
    const [x1, y1] = camera.toScreen(points[0], points[1]);
    const [x2, y2] = camera.toScreen(points[last], points[last + 1]);
    const [x, y] = [(x1 + x2) / 2, (y1 + y2) / 2];
    if (x < 30 || y < 12 || x > camera.width - 30 || y > camera.height - 12) continue;
    let angle = Math.atan2(y2 - y1, x2 - x1);
    if (Math.abs(angle) > Math.PI / 2) angle -= Math.sign(angle) * Math.PI;
    found.push({ name, x, y, angle, length: Math.hypot(x2 - x1, y2 - y1) });
  }
  return found;
}
