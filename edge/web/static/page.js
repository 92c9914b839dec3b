// Keeps the page in step with the run: one state a second over Server-Sent Events.

import * as charts from "./charts.js";
import { ask, byId, duration, el, keyed, number, say, write } from "./dom.js";
import * as events from "./events.js";
import * as live from "./live.js";

let run = null; // what /api/run says
let stream = null;
let isBusy = false;
const active = new Set();

async function begin() {
  run = await (await ask("/api/run")).json();
  const history = await (await ask("/api/history")).arrayBuffer();
  charts.begin(run.series, history);
  write(byId("bundle"), run.bundle);
  byId("bundle").title = `sha256 ${run.sha256}`;
  byId("logout").hidden = !run.can_log_out;
}

async function take(state) {
  if (isBusy) return;
  isBusy = true;
  try {
    if (!run || state.run !== run.run) await begin();
    else charts.add(state.points, state.at);
    show(state);
    await events.refresh(state.events, run.has_clips);
  } catch (error) {
    offline(error.message);
  } finally {
    isBusy = false;
  }
}

function show(state) {
  live.show(state.sources, run);
  showHealth(state);
  showAlerts(state.alerts);
  showNumbers(state);
  rows("latency", Object.entries(state.latency_ms), ([stage, ms]) => [stage, number(ms.p50, 2), number(ms.p90, 2), number(ms.p99, 2)]);
  rows("sources", state.sources, (each) => [each.name, number(each.frames), number(each.dropped), gaps(each, "stalls"), gaps(each, "reconnects"), each.gaps ? duration(each.gaps.longest_s) : "–"]);
  byId("outputs-box").hidden = !state.outputs.length;
  rows("outputs", state.outputs, (each) => [each.name, number(each.delivered), number(each.dropped + each.dropped_events), each.problem || (each.waiting ? `${each.waiting} wait` : "works")]);
}

const gaps = (source, key) => (source.gaps ? number(source.gaps[key]) : "–");

function showHealth(state) {
  const going = state.sources.filter((source) => !source.ended);
  const silent = going.filter((source) => source.gap_s || source.age_s > 5);
  const failing = state.outputs.filter((output) => output.problem);
  const [word, kind] = state.has_ended || !going.length ? ["ended", ""]
    : silent.length ? [`no frames of ${silent.map((source) => source.name).join(", ")}`, "bad"]
    : failing.length ? [`${failing[0].name} fails`, "warn"]
    : ["running", "good"];
  write(byId("health"), word);
  byId("health").className = `pill ${kind}`;
  write(byId("facts"), `${run.engine} · this run ${duration(state.up_s)} · ${number(state.memory_mb)} MB${state.temperature_c == null ? "" : ` · ${number(state.temperature_c)} °C`}`);
  const settings = state.problem ? `The new settings do not hold: ${state.problem}` : "";
  const problems = [settings, state.update_problem].filter(Boolean);
  byId("problem").hidden = !problems.length;
  write(byId("problem"), problems.join("; "));
}

function showAlerts(alerts) {
  byId("alerts").hidden = !alerts.length;
  keyed(
    byId("alert-list"), alerts, (alert) => alert.name,
    () => el("li", {}, el("b"), el("span", { class: "tag" }), el("span", { class: "facts" })),
    (node, alert) => {
      const [name, tag, facts] = node.children;
      const isActive = alert.active > 0;
      node.className = isActive ? `active ${alert.severity}` : "";
      write(name, alert.name);
      tag.className = `tag ${isActive ? alert.severity : "idle"}`;
      write(tag, isActive ? `${alert.severity}, now` : "quiet");
      write(facts, alert.started ? `${number(alert.started)} ${alert.started === 1 ? "event" : "events"}` : "");
      if (isActive !== active.has(alert.name)) {
        say(`${alert.name} ${isActive ? "has begun" : "is over"}`);
        if (isActive) active.add(alert.name);
        else active.delete(alert.name);
      }
    },
  );
}

function showNumbers(state) {
  const sum = (key) => state.sources.reduce((total, source) => total + (source[key] ?? 0), 0);
  const total = (key) => state.sources.reduce((all, source) => all + (source.gaps?.[key] ?? 0), 0);
  const pairs = [
    ["frames a second", number(sum("rate_hz"), 1)],
    ["decisions", number(sum("decisions"))],
    ["dropped", number(sum("dropped"))],
    ["stalls", number(total("stalls"))],
    ["memory", `${number(state.memory_mb)} MB`],
    ["most memory", `${number(state.peak_memory_mb)} MB`],
    ["temperature", state.temperature_c == null ? "not told" : `${number(state.temperature_c, 1)} °C`],
    ["viewers", number(state.viewers)],
    ...state.drift.map((each) => ["drift", each]),
  ];
  keyed(byId("numbers"), pairs, ([key]) => key, ([key]) => el("div", {}, el("dt", {}, key), el("dd")), (node, [, value]) => write(node.lastElementChild, value));
}

function rows(table, items, cells) {
  const body = byId(table).tBodies[0];
  const columns = byId(table).tHead.rows[0].cells;
  keyed(
    body, items, (item) => cells(item)[0],
    (item) => el("tr", {}, ...cells(item).map((_, n) => el("td", { "data-column": columns[n].textContent }))),
    (row, item) => cells(item).forEach((text, n) => write(row.cells[n], text)),
  );
}

function offline(reason) {
  write(byId("health"), reason);
  byId("health").className = "pill bad";
}

function connect() {
  stream?.close();
  stream = new EventSource("/api/stream");
  let wasLost = false;
  stream.onopen = () => {
    if (wasLost) live.watch(true);
    wasLost = false;
  };
  stream.onmessage = (message) => take(JSON.parse(message.data));
  stream.onerror = () => {
    wasLost = true;
    offline("no connection to the board; trying again");
    if (stream.readyState === EventSource.CLOSED) {
      setTimeout(() => document.hidden || ask("/api/state").then(connect, (error) => offline(error.message)), 3000);
    }
  };
}

document.addEventListener("visibilitychange", () => {
  live.watch(!document.hidden);
  if (document.hidden) stream?.close();
  else {
    run = null; // seconds were missed
    connect();
  }
});

connect();
