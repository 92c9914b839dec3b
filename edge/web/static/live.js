// One card a source: its picture, who is there, and what was answered.

import { byId, duration, el, keyed, number, write } from "./dom.js";
import { ZoneEditor } from "./zones.js";

const MOST_STREAMS = 3; // a browser opens six connections to a board: with more sources single pictures are asked for
const POLL_MS = 1000;

const cards = new Map();
let isShown = true;

export function show(sources, zones) {
  const items = sources.map((source, n) => ({ source, n, isStream: sources.length <= MOST_STREAMS }));
  keyed(byId("live"), items, (item) => item.n, make, (node, item) => cards.get(node).show(item, zones));
}

/** Pictures cost a board work: none are asked for by a page that nobody sees. */
export function watch(shown) {
  isShown = shown;
  for (const card of cards.values()) card.restart();
}

function make(item) {
  const card = new SourceCard(item.n);
  cards.set(card.node, card);
  return card.node;
}

class SourceCard {
  constructor(n) {
    this.n = n;
    this.title = el("h2");
    this.state = el("p", { class: "pill" });
    this.facts = el("p", { class: "facts" });
    this.image = el("img", { alt: "", onerror: () => this.retry() });
    this.silence = el("p", { class: "silence", hidden: true });
    this.frame = el("div", { class: "frame" }, this.image);
    this.answers = el("ul", { class: "answers" });
    this.editor = new ZoneEditor(this.frame);
    this.node = el(
      "article", { class: "card source" },
      el("header", {}, this.title, this.state, this.facts, this.editor.button),
      el("div", { class: "picture" }, this.frame, this.silence),
      this.editor.node, this.answers,
    );
    this.title.style.margin = 0;
    this.isStream = null;
  }

  show({ source, isStream }, zones) {
    const [width, height] = source.size;
    if (width) this.frame.parentElement.style.setProperty("--aspect", width / height);
    write(this.title, source.name);
    this.image.alt = `live picture of ${source.name}`;
    write(this.facts, facts(source));
    this.showState(source);
    this.editor.show(zones);
    keyed(this.answers, source.answers, (each) => each.who, makeAnswers, showAnswers);
    if (this.isStream !== isStream) {
      this.isStream = isStream;
      this.restart();
    }
  }

  showState(source) {
    const silent_s = source.gap_s || (source.age_s > 5 ? source.age_s : 0);
    const word = source.ended ? "ended" : silent_s ? "no frames" : source.frames ? "live" : "starting";
    write(this.state, source.live || source.ended || silent_s ? word : "recording");
    this.state.className = `pill ${source.ended ? "" : silent_s ? "bad" : "good"}`;
    this.silence.hidden = source.ended || !silent_s;
    if (silent_s) write(this.silence, `No frame for ${duration(silent_s)}; trying again.`);
  }

  /** Ask for pictures, or stop. */
  restart() {
    clearTimeout(this.timer);
    this.image.onload = null;
    if (!isShown) {
      this.image.removeAttribute("src");
    } else if (this.isStream) {
      this.image.src = `/picture/${this.n}.mjpeg?${Date.now()}`; // the same address is not asked for again
    } else {
      this.image.onload = () => (this.timer = setTimeout(() => this.poll(), POLL_MS));
      this.poll();
    }
  }

  poll() {
    this.image.src = `/picture/${this.n}.jpg?${Date.now()}`;
  }

  retry() {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.restart(), 3000);
  }
}

function facts(source) {
  const [width, height] = source.size;
  const parts = [width ? `${width} × ${height}` : null, source.rate_hz == null ? null : `${number(source.rate_hz, 1)} frames/s`];
  if (source.age_ms != null) parts.push(`answer after ${number(source.age_ms)} ms`);
  if (source.total) parts.push(`${number(source.frames)} of ${number(source.total)}`);
  return parts.filter(Boolean).join(" · ");
}

function makeAnswers() {
  return el("li", {}, el("p", { class: "who" }), el("div"), el("p", { class: "zones" }));
}

function showAnswers(node, item) {
  const [who, tasks, zones] = node.children;
  write(who, item.who);
  who.hidden = !item.who;
  keyed(tasks, item.tasks, (each) => each.task, makeTask, showTask);
  write(zones, (item.zones ?? []).join(", ") || (item.tasks.length ? "" : "looking …"));
}

function makeTask() {
  return el("div", { class: "answer" }, el("span", { class: "task" }), el("span"), el("span"));
}

function showTask(node, item) {
  const [task, text, share] = node.children;
  write(task, item.task);
  write(text, item.text ?? "–");
  write(share, item.share == null ? "" : number(item.share, 2));
  let meter = node.children[3];
  if (item.share != null && !meter) node.append((meter = el("meter", { min: 0, max: 1 })));
  if (item.share == null) meter?.remove();
  else {
    meter.value = item.share;
    meter.setAttribute("aria-label", `${item.task}: how sure`);
  }
}
