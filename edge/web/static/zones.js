// Zones, drawn over the picture by mouse, finger or keyboard, and saved into the settings file.

import { ask, el, keyed, say, svg, write } from "./dom.js";

const NEAR = 14; // pixels
const STEP = 0.01; // of the picture, that an arrow key moves
const HELP = "Click to set corners, drag to move them. By keyboard: arrow keys move the cross, Enter sets a corner, " +
  "Tab goes to corners, where arrow keys move and Delete removes.";

export class ZoneEditor {
  /** frame: what holds the picture, and nothing else. */
  constructor(frame) {
    this.frame = frame;
    this.run = null;
    this.zones = [];
    this.chosen = this.corner = -1;
    this.cross = { x: 0.5, y: 0.5, shown: false };
    this.button = el("button", { type: "button", class: "quiet zones-button", "aria-pressed": "false", onclick: () => this.toggle() }, "Zones");
    this.canvas = svg("svg", { tabindex: 0, role: "application", "aria-label": `Zones of the picture. ${HELP}` });
    this.names = el("ul");
    this.status = el("p", { role: "status" });
    this.removeCorner = el("button", { type: "button", class: "quiet", onclick: () => this.deleteCorner() }, "Remove corner");
    this.save = el("button", { type: "button", class: "save-zones", onclick: () => this.store() }, "Save");
    this.node = el(
      "div", { class: "editor", hidden: true, role: "group", "aria-label": "Zones" },
      el("p", { class: "none" }, HELP), this.names,
      el("div", { class: "row" },
        el("button", { type: "button", class: "quiet add-zone", onclick: () => this.add() }, "New zone"), this.removeCorner, this.save,
        el("button", { type: "button", class: "quiet", onclick: () => this.toggle() }, "Cancel")),
      this.status,
    );
    this.canvas.addEventListener("pointerdown", (event) => this.onDown(event));
    this.canvas.addEventListener("pointermove", (event) => this.onMove(event));
    this.canvas.addEventListener("pointerup", () => (this.dragged = false));
    this.canvas.addEventListener("pointerleave", () => this.showCross(false));
    this.canvas.addEventListener("keydown", (event) => this.onKey(event));
    new ResizeObserver(() => this.draw()).observe(frame);
  }

  get isOpen() {
    return !this.node.hidden;
  }

  get points() {
    return this.zones[this.chosen]?.points;
  }

  show(run) {
    this.run = run;
    this.button.hidden = !run.follows_people;
  }

  toggle() {
    this.node.hidden = this.isOpen;
    this.button.setAttribute("aria-pressed", String(this.isOpen));
    if (!this.isOpen) return this.canvas.remove();
    this.zones = this.run.zones.map((zone) => ({ name: zone.name, points: zone.points.map(([x, y]) => [x, y]), before: zone.name, isChanged: false }));
    this.chosen = this.zones.length ? 0 : -1;
    this.corner = -1;
    this.save.disabled = Boolean(this.run.reason);
    write(this.status, this.run.reason ? `They cannot be saved here: ${this.run.reason}.` : "");
    this.frame.append(this.canvas);
    this.draw();
    if (!this.zones.length && !this.run.reason) this.add();
    this.canvas.focus({ preventScroll: true });
  }

  add() {
    let count = this.zones.length + 1;
    while (this.zones.some((zone) => zone.name === `zone ${count}`)) count += 1;
    this.zones.push({ name: `zone ${count}`, points: [], before: null, isChanged: true });
    this.choose(this.zones.length - 1, -1);
    this.canvas.focus({ preventScroll: true });
    say(`zone ${count}: set its corners`);
  }

  choose(zone, corner) {
    this.chosen = zone;
    this.corner = corner;
    this.draw();
  }

  place(event) {
    const box = this.canvas.getBoundingClientRect();
    const share = (value, from, length) => Math.min(Math.max((value - from) / length, 0), 1);
    return [share(event.clientX, box.left, box.width), share(event.clientY, box.top, box.height)];
  }

  /** Which corner is near a point, of the chosen zone first. */
  near([x, y]) {
    const { width, height } = this.canvas.getBoundingClientRect();
    const order = [this.chosen, ...this.zones.keys()].filter((n) => this.zones[n]);
    for (const zone of order) {
      const corner = this.zones[zone].points.findIndex(([a, b]) => Math.hypot((a - x) * width, (b - y) * height) <= NEAR);
      if (corner >= 0) return [zone, corner];
    }
    return null;
  }

  onDown(event) {
    event.preventDefault();
    this.canvas.focus({ preventScroll: true });
    const point = this.place(event);
    const hit = this.near(point);
    if (hit) this.choose(...hit);
    else this.addCorner(point);
    this.dragged = true;
    this.canvas.setPointerCapture(event.pointerId);
  }

  onMove(event) {
    const point = this.place(event);
    [this.cross.x, this.cross.y] = point;
    if (this.dragged && this.points?.[this.corner]) this.move(point);
    else this.showCross(false);
  }

  showCross(shown) {
    if (this.cross.shown === shown) return;
    this.cross.shown = shown;
    this.draw();
  }

  move([x, y]) {
    const clip = (value) => Math.round(Math.min(Math.max(value, 0), 1) * 1e4) / 1e4;
    this.points[this.corner] = [clip(x), clip(y)];
    this.zones[this.chosen].isChanged = true;
    this.draw();
  }

  /** At the end, or on the side that it is nearest to. */
  addCorner(point) {
    if (!this.points) return this.run.reason ? undefined : (this.add(), this.addCorner(point));
    const at = this.points.length < 3 ? this.points.length : 1 + nearestSide(this.points, point, this.canvas.getBoundingClientRect());
    this.points.splice(at, 0, point);
    this.corner = at;
    this.move(point);
    say(`corner ${at + 1} of ${this.points.length}`);
  }

  deleteCorner() {
    if (!this.points?.length) return;
    this.points.splice(this.corner < 0 ? this.points.length - 1 : this.corner, 1);
    this.zones[this.chosen].isChanged = true;
    this.choose(this.chosen, this.points.length ? this.points.length - 1 : -1);
    say(`${this.points.length} corners`);
  }

  onKey(event) {
    const corner = event.target.dataset?.corner;
    const step = (event.shiftKey ? 5 : 1) * STEP;
    const [dx, dy] = { ArrowLeft: [-step, 0], ArrowRight: [step, 0], ArrowUp: [0, -step], ArrowDown: [0, step] }[event.key] ?? [0, 0];
    if (dx || dy) {
      event.preventDefault();
      if (corner != null) {
        this.choose(...corner.split(" ").map(Number));
        const [x, y] = this.points[this.corner];
        this.move([x + dx, y + dy]);
      } else {
        const clip = (value) => Math.min(Math.max(value, 0), 1);
        [this.cross.x, this.cross.y, this.cross.shown] = [clip(this.cross.x + dx), clip(this.cross.y + dy), true];
        this.draw();
        say(`${Math.round(this.cross.x * 100)} %, ${Math.round(this.cross.y * 100)} %`);
      }
    } else if (event.key === "Enter" || event.key === " ") {
      event.preventDefault();
      if (corner != null) this.choose(...corner.split(" ").map(Number));
      else this.addCorner([this.cross.x, this.cross.y]);
    } else if (event.key === "Delete" || event.key === "Backspace") {
      event.preventDefault();
      if (corner != null) this.choose(...corner.split(" ").map(Number));
      this.deleteCorner();
      this.canvas.focus({ preventScroll: true });
    } else if (event.key === "Escape") {
      this.toggle();
      this.button.focus();
    }
  }

  draw() {
    if (!this.isOpen) return;
    const { clientWidth: width, clientHeight: height } = this.frame;
    const focused = document.activeElement?.dataset?.corner;
    this.canvas.setAttribute("viewBox", `0 0 ${width} ${height}`);
    const nodes = this.zones.flatMap((zone, n) => this.drawZone(zone, n, width, height));
    if (this.cross.shown) {
      const [x, y] = [this.cross.x * width, this.cross.y * height];
      nodes.push(svg("path", { class: "cross", d: `M${x - 12} ${y}h24M${x} ${y - 12}v24` }));
    }
    this.canvas.replaceChildren(...nodes);
    if (focused) this.canvas.querySelector(`[data-corner="${focused}"]`)?.focus({ preventScroll: true });
    this.removeCorner.disabled = !this.points?.length;
    this.drawNames();
  }

  drawZone(zone, n, width, height) {
    const pixels = zone.points.map(([x, y]) => [x * width, y * height]);
    const isChosen = n === this.chosen;
    const nodes = [svg("polygon", { class: isChosen ? "zone chosen" : "zone", points: pixels.join(" ") })];
    if (pixels.length) nodes.push(svg("text", { class: "zone-name", x: pixels[0][0] + 10, y: Math.max(pixels[0][1] - 8, 16) }, zone.name));
    pixels.forEach(([x, y], corner) => {
      const percent = zone.points[corner].map((share) => `${Math.round(share * 100)} %`).join(", ");
      nodes.push(svg("circle", {
        class: isChosen && corner === this.corner ? "corner chosen" : "corner", cx: x, cy: y, r: isChosen ? 7 : 5, tabindex: 0, role: "button",
        "data-corner": `${n} ${corner}`, "aria-label": `corner ${corner + 1} of ${zone.name} at ${percent}`,
      }));
    });
    return nodes;
  }

  drawNames() {
    keyed(
      this.names, this.zones, (zone) => (zone.key ??= crypto.randomUUID?.() ?? String(Math.random())),
      (zone) => el("li", {},
        el("input", { type: "text", "aria-label": "name of the zone", maxlength: 60, oninput: (event) => this.rename(zone, event.target.value) }),
        el("button", { type: "button", class: "quiet", onclick: () => { this.choose(this.zones.indexOf(zone), -1); this.canvas.focus(); } }, "Edit"),
        el("button", { type: "button", class: "quiet", onclick: () => this.deleteZone(zone) }, "Delete")),
      (node, zone) => {
        const [input, edit, remove] = node.children;
        if (document.activeElement !== input) input.value = zone.name;
        edit.setAttribute("aria-pressed", String(this.zones.indexOf(zone) === this.chosen));
        edit.setAttribute("aria-label", `edit ${zone.name}`);
        remove.setAttribute("aria-label", `delete ${zone.name}`);
      },
    );
  }

  rename(zone, name) {
    zone.name = name;
    this.chosen = this.zones.indexOf(zone);
    this.draw();
  }

  deleteZone(zone) {
    this.zones.splice(this.zones.indexOf(zone), 1);
    this.choose(this.zones.length - 1, -1);
    say(`${zone.name} deleted; save to keep that`);
  }

  async store() {
    const zones = this.zones.map((zone) => ({ name: zone.name.trim(), points: zone.isChanged || zone.name !== zone.before ? zone.points : [] }));
    const short = this.zones.find((zone) => zone.points.length < 3);
    if (short) return write(this.status, `${short.name} has ${short.points.length} corners: three are the least.`);
    this.save.disabled = true;
    write(this.status, "saving …");
    try {
      const body = JSON.stringify({ revision: this.run.revision, zones });
      const answer = await ask("/api/zones", { method: "POST", headers: { "Content-Type": "application/json" }, body });
      const { message } = await answer.json();
      Object.assign(this.run, await (await ask("/api/run")).json(), { run: this.run.run });
      this.run.zones = this.zones.map(({ name, points }) => ({ name, points }));
      for (const zone of this.zones) [zone.before, zone.isChanged] = [zone.name, false];
      write(this.status, message);
    } catch (error) {
      write(this.status, error.message);
    }
    this.save.disabled = false;
  }
}

/** After which corner a new one lies on the outline, by its distance to the sides in pixels. */
function nearestSide(points, [x, y], { width, height }) {
  const distances = points.map(([ax, ay], n) => {
    const [bx, by] = points[(n + 1) % points.length];
    const [vx, vy, px, py] = [(bx - ax) * width, (by - ay) * height, (x - ax) * width, (y - ay) * height];
    const along = Math.min(Math.max((px * vx + py * vy) / (vx * vx + vy * vy || 1), 0), 1);
    return Math.hypot(px - along * vx, py - along * vy);
  });
  return distances.indexOf(Math.min(...distances));
}
