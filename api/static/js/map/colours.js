// The map's colours come from the style sheet, so that it follows dark and light.

export function mapColours() {
  const style = getComputedStyle(document.documentElement);
  const read = (name) => style.getPropertyValue(name).trim();
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

function channels(hex) {
  const full = hex.length === 4 ? [...hex.slice(1)].map((digit) => digit + digit).join("") : hex.slice(1);
  return [0, 2, 4].map((at) => parseInt(full.slice(at, at + 2), 16));
}
