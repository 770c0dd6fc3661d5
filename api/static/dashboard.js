// Two tables and a row of figures, asked anew every second or two through the public API; alerts as they come.
const $ = (id) => document.getElementById(id);

async function ask(path) {
  const response = await fetch(path, { headers: { accept: "application/json" } });
  const answer = await response.json();
  if (!response.ok) throw new Error(answer.detail ?? `${response.status} at ${path}`);
  return answer;
}

// Text only ever enters the page as text.
function element(tag, attributes = {}, ...children) {
  const made = Object.assign(document.createElement(tag), attributes);
  made.append(...children.filter((child) => child !== null && child !== undefined));
  return made;
}

const cell = (content, className = "") => element("td", { className }, ...[content].flat());
const soft = (text) => (text ? element("span", { className: "soft" }, text) : null);
const figure = (value, digits) => (value === null || value === undefined ? "–" : value.toFixed(digits));

function ago(atMs) {
  const seconds = Math.max(0, (Date.now() - atMs) / 1000);
  if (seconds < 90) return `${Math.round(seconds)} s ago`;
  if (seconds < 5400) return `${Math.round(seconds / 60)} min ago`;
  return seconds < 172800 ? `${Math.round(seconds / 3600)} h ago` : `${Math.round(seconds / 86400)} days ago`;
}

function since(atMs) {
  return element("time", { dateTime: new Date(atMs).toISOString(), title: new Date(atMs).toISOString() }, ago(atMs));
}

function attentionRow(item) {
  const others = item.alerts.length > 1 ? `and ${item.alerts.length - 1} more` : "";
  const why = [item.message, soft([item.alerts[0]?.trouble_code, others].filter(Boolean).join(" · "))];
  const row = element("tr", { className: item.needs_attention ? "" : "acknowledged" });
  row.append(
    cell(element("span", { className: `badge ${item.severity}` }, item.severity)),
    cell([element("span", { className: "vin" }, item.vehicle_id), soft([item.model, item.fleet].filter(Boolean).join(" · "))]),
    cell(why),
    cell([since(item.since_ms), soft(item.is_silent ? "silent" : "")]),
  );
  return row;
}

function rankingRow(place) {
  const about = [place.model, place.fleet].filter(Boolean).join(" · ");
  const row = element("tr");
  row.append(
    cell(String(place.rank), "number"),
    cell([element("span", { className: place.model ? "vin" : "" }, place.key), soft(about)]),
    cell(element("b", {}, figure(place.litres_per_100km, 2)), "number"),
    cell(figure(place.mpg_us, 1), "number"),
    cell(figure(place.co2_g_per_km, 0), "number"),
    cell((place.distance_m / 1000).toFixed(1), "number"),
  );
  return row;
}

function fill(body, rows, empty) {
  const nothing = element("tr", {}, element("td", { className: "empty", colSpan: 6 }, empty));
  $(body).replaceChildren(...(rows.length ? rows : [nothing]));
}

function tile(value, label, className = "") {
  return element("div", {}, element("b", { className }, value), element("span", {}, label));
}

function lagOf(pipeline, group) {
  const found = pipeline.lag.groups.find((one) => one.group === group);
  return found ? found.lag.toLocaleString() : "–";
}

async function showAttention() {
  const attention = await ask("/v1/attention?limit=30");
  fill("attention", attention.vehicles.map(attentionRow), "No car needs attention.");
  const { critical, warning } = attention.open_alerts;
  document.title = critical + warning ? `(${critical + warning}) Connected cars` : "Connected cars";
  return attention;
}

async function showRanking() {
  const [view, scope, order] = ["view", "scope", "order"].map((id) => $(id).value);
  const ranking = await ask(`/v1/rankings/fuel-efficiency?limit=30&view=${view}&scope=${scope}&order=${order}`);
  $("key-title").textContent = scope[0].toUpperCase() + scope.slice(1);
  const version = ranking.batch_view_version ? `batch version ${ranking.batch_view_version}` : "no batch version yet";
  const asOf = ranking.as_of_ms ? `, as of ${ago(ranking.as_of_ms)}` : "";
  $("ranking-note").textContent = `${ranking.ranked} ranked since ${ranking.period}, ${version}${asOf}`;
  fill("ranking", ranking.places.map(rankingRow), "Nothing is ranked yet: a ranking needs 5 km of driving.");
}

async function showPipeline(attention) {
  const pipeline = await ask("/v1/pipeline");
  const rejected = Object.values(pipeline.rejected_readings).reduce((sum, count) => sum + count, 0);
  const latency = pipeline.event_to_alert;
  const age = pipeline.batch_view_age_s;
  const { critical } = attention.open_alerts;
  $("tiles").replaceChildren(
    tile(String(attention.vehicles_in_need), "cars need attention", critical ? "critical" : "good"),
    tile(`${pipeline.vehicles.heard.toLocaleString()}`, `cars heard, ${pipeline.vehicles.silent} silent`),
    tile(latency.p50_ms === null ? "–" : `${latency.p50_ms} ms`, `event to alert, p99 ${latency.p99_ms ?? "–"} ms`),
    tile(pipeline.batch_view_version ? `version ${pipeline.batch_view_version}` : "–",
      age === null ? "no batch version yet" : `batch view, ${Math.round(age)} s old`),
    tile(lagOf(pipeline, "hot-path"), "readings behind: hot path"),
    tile(lagOf(pipeline, "cold-path"), "readings behind: cold path"),
    tile(rejected.toLocaleString(), "readings rejected"),
  );
}

async function refresh() {
  try {
    const attention = await showAttention();
    await Promise.all([showRanking(), showPipeline(attention)]);
    $("status").className = "";
    $("status").textContent = `Live, ${new Date().toLocaleTimeString()}`;
  } catch (error) {
    $("status").className = "trouble";
    $("status").textContent = `No answer: ${error.message}. Trying again.`;
  }
}

async function forever() {
  for (;;) {
    if (!document.hidden) await refresh();
    await new Promise((resolve) => setTimeout(resolve, 1500));
  }
}

// Alerts come by server-sent events; however many come at once, attention is asked for once.
function followAlerts() {
  let isAsked = false;
  const ask = () => {
    if (isAsked) return;
    isAsked = true;
    setTimeout(() => {
      isAsked = false;
      showAttention().catch(() => {}); // the next round tells what is wrong
    }, 50);
  };
  const stream = new EventSource("/v1/alerts/stream");
  stream.addEventListener("alert", ask);
  stream.addEventListener("reset", ask);
  // A refusal, as long as there is no store, ends an EventSource for good; a lost connection does not.
  stream.addEventListener("error", () => {
    if (stream.readyState === EventSource.CLOSED) setTimeout(followAlerts, 2000);
  });
}

for (const id of ["view", "scope", "order"]) $(id).addEventListener("change", refresh);
followAlerts();
forever();
