// The map's colours come from the style sheet, so that it follows dark and light.

import { palette } from "../palette.js";

export function mapColours() {
  const read = palette();
  return {
    ground: read("--map"), minor: read("--road-minor"), middle: read("--road-middle"), major: read("--road-major"),
    name: read("--soft"), ring: read("--dot-ring"), cluster: read("--healthy"), clusterInk: read("--dot-ink"),
    accent: read("--accent"), ink: read("--ink"),
    health: ["--healthy", "--info-dot", "--warning-dot", "--critical-dot", "--silent"].map((name) => channels(read(name))),
    ringChannels: channels(read("--dot-ring")),
    series: ["--series-1", "--series-2", "--series-3"].map(read),
    heat: ["--heat-1", "--heat-2", "--heat-3", "--heat-4", "--heat-5"].map(read),
  };
}

function channels(colour) {
  return colour.match(/[\d.]+/g).slice(0, 3).map(Number);
}
