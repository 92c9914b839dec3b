// Each task's history, with the lines at which alerts begin and end.

import { byId, el, keyed, number, say, svg, write } from "./dom.js";

const SECONDS = 3600;
const [LEFT, RIGHT, TOP, BOTTOM] = [38, 12, 10, 20];
const JOINED_S = 3; // so long nothing may be answered without a gap in the line
const DASHES = ["", "7 4", "2 4", "9 3 2 3"];

let series = [];
let columns = []; // of each series its values, the oldest first
let newestAt = Date.now();
let span = 600;
const charts = new Map();

/** Begin anew with the history so far: float32 of each second's values. */
export function begin(described, buffer) {
  series = described;
  const values = new Float32Array(buffer);
  const seconds = series.length ? values.length / series.length : 0;
  columns = series.map((_, n) => Array.from({ length: seconds }, (_, s) => values[s * series.length + n]));
  byId("charts").replaceChildren();
  charts.clear();
  draw();
}

/** One second more. */
export function add(points, at) {
  newestAt = Date.parse(at);
  columns.forEach((column, n) => {
    column.push(points[n] ?? NaN);
    if (column.length > SECONDS) column.shift();
  });
  draw();
}

function tasks() {
  const groups = new Map();
  series.forEach((each, n) => {
    const key = `${each.task}|${each.unit}`;
    if (!columns[n].some(Number.isFinite) && !each.lines.length) return;
    groups.set(key, [...(groups.get(key) ?? []), n]);
  });
  return [...groups].map(([key, members]) => ({ key, members, task: series[members[0]].task, unit: series[members[0]].unit }));
}

export function draw() {
  keyed(byId("charts"), tasks(), (group) => `${group.key}|${group.members}`, make, (node, group) => charts.get(node).draw(group));
}

function make(group) {
  const chart = new Chart(group);
  charts.set(chart.figure, chart);
  return chart.figure;
}

class Chart {
  constructor(group) {
    this.group = group;
    this.keys = el("span", { class: "keys" });
    this.plot = svg("svg", { class: "plot", "aria-hidden": "true" });
    this.cursor = null; // seconds before now
    this.figure = el(
      "figure",
      { class: "chart", tabindex: 0, role: "group", onkeydown: (event) => this.onKey(event), onblur: () => this.point(null) },
      el("figcaption", {}, el("h3", {}, group.task + (group.unit && group.unit !== group.task ? `, ${group.unit}` : "")), this.keys),
      this.plot,
    );
    this.plot.addEventListener("pointermove", (event) => this.onPointer(event));
    this.plot.addEventListener("pointerleave", () => this.point(null));
    new ResizeObserver(() => this.draw(this.group)).observe(this.plot);
  }

  onPointer(event) {
    const box = this.plot.getBoundingClientRect();
    const share = (event.clientX - box.left - LEFT) / (box.width - LEFT - RIGHT);
    this.point(Math.round((1 - Math.min(Math.max(share, 0), 1)) * (span - 1)));
  }

  onKey(event) {
    const step = { ArrowLeft: 1, ArrowRight: -1, PageUp: 30, PageDown: -30, Home: span, End: -span }[event.key];
    if (!step) return;
    event.preventDefault();
    this.point(Math.min(Math.max((this.cursor ?? 0) + step, 0), span - 1));
    const values = this.group.members.map((n) => `${series[n].name} ${this.value(n)}`);
    say(`${this.cursor} seconds ago: ${values.join(", ")}`);
  }

  point(secondsAgo) {
    this.cursor = secondsAgo;
    this.draw(this.group);
  }

  value(n) {
    const column = columns[n];
    const value = this.cursor == null ? column.slice(-JOINED_S).findLast(Number.isFinite) : column[column.length - 1 - this.cursor];
    return Number.isFinite(value) ? number(value, this.group.unit ? (this.group.unit === "people" ? 0 : 1) : 2) : "–";
  }

  draw(group) {
    this.group = group;
    const [width, height] = [this.plot.clientWidth, this.plot.clientHeight];
    if (!width) return;
    const [low, high] = this.range();
    const x = (secondsAgo) => width - RIGHT - (secondsAgo / (span - 1)) * (width - LEFT - RIGHT);
    const y = (value) => TOP + (1 - (value - low) / (high - low)) * (height - TOP - BOTTOM);
    const nodes = [...this.grid(x, y, low, high, width, height), ...this.limits(y, width)];
    group.members.forEach((n, place) => {
      const line = svg("path", { class: `series c${place % 7}`, d: path(columns[n], x, y), "stroke-dasharray": DASHES[Math.floor(place / 7) % 4] });
      nodes.push(line);
    });
    if (this.cursor != null) nodes.push(svg("line", { class: "cursor", x1: x(this.cursor), x2: x(this.cursor), y1: TOP, y2: height - BOTTOM }));
    this.plot.setAttribute("viewBox", `0 0 ${width} ${height}`);
    this.plot.replaceChildren(...nodes);
    this.showKeys();
  }

  /** Probabilities from 0 to 1; numbers as far as they go, alerts' limits included. */
  range() {
    const members = this.group.members;
    if (!this.group.unit) return [0, 1];
    const limits = members.flatMap((n) => series[n].lines.map((line) => line.value));
    let [low, high] = [Math.min(...limits, Infinity), Math.max(...limits, -Infinity)];
    for (const n of members) {
      for (const value of columns[n].slice(-span)) {
        if (value < low) low = value;
        if (value > high) high = value;
      }
    }
    if (!(low <= high)) return [0, 1];
    if (this.group.unit === "people") return [0, Math.max(high, 1) * 1.1];
    const margin = Math.max((high - low) * 0.12, Math.abs(high) * 0.02, 0.01);
    return [low - margin, high + margin];
  }

  grid(x, y, low, high, width, height) {
    const nodes = [];
    for (const value of ticks(low, high)) {
      nodes.push(svg("line", { class: "grid", x1: LEFT, x2: width - RIGHT, y1: y(value), y2: y(value) }));
      nodes.push(svg("text", { x: LEFT - 6, y: y(value) + 4, "text-anchor": "end" }, String(Number(value.toPrecision(6)))));
    }
    for (let part = 0; part <= 2; part++) {
      const ago = ((2 - part) * (span - 1)) / 2;
      const time = new Date(newestAt - ago * 1000).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit", second: span < 600 ? "2-digit" : undefined });
      nodes.push(svg("text", { x: x(ago), y: height - 4, "text-anchor": ["start", "middle", "end"][part] }, time));
    }
    return nodes;
  }

  limits(y, width) {
    const nodes = [];
    const named = new Map(); // sources may share an alert
    for (const n of this.group.members) {
      const lines = series[n].lines;
      if (lines.length > 1) {
        const [one, other] = lines.map((line) => y(line.value));
        nodes.push(svg("rect", { class: "band", x: LEFT, width: width - LEFT - RIGHT, y: Math.min(one, other), height: Math.abs(one - other) }));
      }
      for (const line of lines) named.set(`${line.name}, ${Number(line.value.toPrecision(4))}`, y(line.value));
    }
    let above = -Infinity;
    for (const [name, place] of [...named].sort((one, other) => one[1] - other[1])) {
      nodes.push(svg("line", { class: "limit", x1: LEFT, x2: width - RIGHT, y1: place, y2: place }));
      const text = place - 4 < Math.max(TOP + 8, above + 12) ? Math.max(place, above) + 13 : place - 4;
      above = text;
      nodes.push(svg("text", { class: "limit-name", x: LEFT + 5, y: text }, name));
    }
    return nodes;
  }

  showKeys() {
    keyed(
      this.keys, this.group.members, (n) => n,
      (n) => {
        const place = this.group.members.indexOf(n);
        const line = svg("path", { class: `series c${place % 7}`, d: "M1 5H21", "stroke-dasharray": DASHES[Math.floor(place / 7) % 4] });
        return el("span", { class: "key" }, svg("svg", { viewBox: "0 0 22 10", "aria-hidden": "true" }, line), series[n].name, el("b"));
      },
      (node, n) => write(node.lastElementChild, this.value(n)),
    );
    const texts = this.group.members.map((n) => `${series[n].name} ${this.value(n)}`);
    this.figure.setAttribute("aria-label", `${this.group.task}: ${texts.join(", ")}; arrow keys go through the past`);
  }
}

function ticks(low, high) {
  const rough = (high - low) / 4;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 2.5, 5, 10].map((each) => each * power).find((each) => each >= rough);
  const values = [];
  for (let value = Math.ceil(low / step) * step; value <= high + step / 1e6; value += step) values.push(value);
  return values;
}

/** A line through the newest seconds; of more than there are pixels each piece's lowest and highest. */
function path(column, x, y) {
  const newest = column.length - 1;
  const first = Math.max(0, column.length - span);
  const piece = Math.max(1, Math.floor(span / 600));
  let text = "";
  let last = -Infinity;
  for (let start = first - (first % piece); start <= newest; start += piece) {
    const values = column.slice(Math.max(start, first), start + piece).filter(Number.isFinite);
    if (!values.length) continue;
    const place = x(newest - Math.min(start + (piece - 1) / 2, newest)).toFixed(1);
    const ends = piece > 1 ? [Math.min(...values), Math.max(...values)] : values;
    for (const value of new Set(ends)) {
      text += `${start - last > Math.max(JOINED_S, piece) ? "M" : "L"}${place} ${y(value).toFixed(1)}`;
      if (start - last > Math.max(JOINED_S, piece)) text += "h0.1";
      last = start;
    }
  }
  return text;
}

byId("span").addEventListener("change", (event) => {
  span = Number(event.target.value);
  draw();
});
