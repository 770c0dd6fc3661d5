// Healthy cars that would lie on one another are shown as one circle with their number; cars in need never are.

const CELL_PX = 64;
const FEWEST = 7;
const SILENT = 4;

export class Clusters {
  #cells = new Map();

  /**
   * Sorts the shown vehicles that are in the picture. Writes the indexes of those drawn by themselves into `order`,
   * worst last, and gives {count, clusters}; a cluster has x, y in pixels of the screen, and the number in it.
   */
  sort(vehicles, camera, order, isGrouping) {
    const { count, shown, health, drawnX, drawnY } = vehicles;
    const [scale, wide, high] = [camera.scale, camera.width, camera.height];
    const worse = [[], [], [], [], []];
    this.#cells.clear();
    for (let at = 0; at < count; at++) {
      if (!shown[at]) continue;
      const x = (drawnX[at] - camera.x) * scale + wide / 2;
      const y = (drawnY[at] - camera.y) * scale + high / 2;
      if (x < -8 || y < -8 || x > wide + 8 || y > high + 8) continue;
      const state = health[at];
      if (state !== 0) worse[state].push(at);
      else this.#gather(at, x, y, isGrouping);
    }
    return this.#told(order, worse);
  }

  #gather(at, x, y, isGrouping) {
    const key = isGrouping ? Math.floor(x / CELL_PX) * 4096 + Math.floor(y / CELL_PX) : 0;
    const cell = this.#cells.get(key);
    if (cell === undefined) this.#cells.set(key, { x, y, members: [at], isGrouping });
    else {
      cell.members.push(at);
      cell.x += x;
      cell.y += y;
    }
  }

  #told(order, worse) {
    const clusters = [];
    let count = 0;
    for (const { x, y, members, isGrouping } of this.#cells.values()) {
      if (isGrouping && members.length >= FEWEST) clusters.push({ x: x / members.length, y: y / members.length, count: members.length });
      else for (const at of members) order[count++] = at;
    }
    for (const state of [SILENT, 1, 2, 3]) for (const at of worse[state]) order[count++] = at;
    return { count, clusters };
  }
}

export function drawClusters(context, clusters, colours) {
  context.textAlign = "center";
  context.textBaseline = "middle";
  for (const { x, y, count } of clusters) {
    const radius = 11 + 3.4 * Math.log2(count / 4);
    context.beginPath();
    context.arc(x, y, radius, 0, 2 * Math.PI);
    context.fillStyle = colours.cluster;
    context.fill();
    context.lineWidth = 2;
    context.strokeStyle = colours.ring;
    context.stroke();
    context.fillStyle = colours.clusterInk;
    context.font = `600 ${count > 999 ? 11 : 12}px system-ui, sans-serif`;
    context.fillText(count > 9999 ? `${Math.round(count / 1000)}k` : String(count), x, y);
  }
}
