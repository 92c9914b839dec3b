// Events, the newest first, and their clips.

import { ask, byId, duration, el, keyed, moment, number, write } from "./dom.js";

const A_PAGE = 50;
let events = [];
let revision = -1;
let wasAwaited = false;
let hasClips = true; // whether an output makes any
const CLIP_S = 30; // after its event, until there is one, or never will be

/** Ask for them again if something was told since, or a clip may have been finished meanwhile. */
export async function refresh(newest, makesClips) {
  hasClips = makesClips;
  const isAwaited = events.some(awaitsClip);
  if (newest === revision && !isAwaited && !wasAwaited) return;
  wasAwaited = isAwaited;
  revision = newest;
  const answer = await (await ask(`/api/events?count=${A_PAGE}`)).json();
  const ids = new Set(answer.events.map((event) => event.id));
  events = [...answer.events, ...events.filter((event) => !ids.has(event.id))];
  show();
}

function show() {
  byId("no-events").hidden = events.length > 0;
  byId("older").hidden = events.length < A_PAGE;
  keyed(byId("event-list"), events, (event) => event.id, make, update);
}

function make(event) {
  const button = el("button", { type: "button" });
  return el("li", {}, button);
}

const awaitsClip = (event) => hasClips && event.ended && !event.clip && Date.now() - Date.parse(event.ended) < CLIP_S * 1000;

function withoutPicture(event) {
  if (!event.ended) return "going on";
  if (awaitsClip(event)) return "clip is being made";
  return hasClips ? "no picture" : "not recorded";
}

function update(node, event) {
  const content = JSON.stringify([event, withoutPicture(event)]);
  if (node.dataset.content === content) return;
  node.dataset.content = content;
  const button = el(
    "button", { type: "button", onclick: () => open(event) },
    event.snapshot
      ? el("img", { class: "thumb", src: `/${event.snapshot}`, alt: "", loading: "lazy" })
      : el("span", { class: "thumb" }, withoutPicture(event)),
    el("span", { class: "name" }, event.alert, tag(event)),
    el("span", { class: "when" }, `${moment(event.started)} · ${lasted(event)}`),
    el("span", { class: "what" }, details(event)),
  );
  node.replaceChildren(button);
}

export const tag = (event) => el("span", { class: `tag ${event.ended ? "idle" : event.severity}` }, event.ended ? event.severity : `${event.severity}, now`);

function lasted(event) {
  return event.ended ? duration((Date.parse(event.ended) - Date.parse(event.started)) / 1000) : "goes on";
}

function details(event) {
  const who = event.name ?? (event.track ? `person ${event.track}` : null);
  const sure = event.peak == null ? null : event.unit ? `${number(event.peak, 1)} ${event.unit}` : `${number(event.peak * 100)} % sure`;
  return [event.source, who, event.zone, event.label, sure, event.message].filter(Boolean).join(" · ");
}

function clipText(event) {
  if (!hasClips) return "No output records clips: add one of kind clips.";
  if (!event.ended) return "Its clip is there once it has ended.";
  return awaitsClip(event) ? "Its clip is being made." : "There is no clip of it.";
}

function open(event) {
  const player = byId("player");
  write(byId("player-title"), event.alert);
  const media = byId("player-media");
  if (event.clip) media.replaceChildren(el("video", { src: `/${event.clip}`, controls: true, autoplay: true, muted: true, playsinline: true }));
  else if (event.snapshot) media.replaceChildren(el("img", { src: `/${event.snapshot}`, alt: `snapshot of ${event.alert}` }));
  else media.replaceChildren(el("p", { class: "none" }, clipText(event)));
  const pairs = [["began", moment(event.started)], ["lasted", lasted(event)], ["severity", event.severity], ["source", event.source],
    ["who", event.name ?? (event.track ? `person ${event.track}` : null)], ["zone", event.zone], ["answer", event.label], ["ended by", event.reason]];
  byId("player-facts").replaceChildren(...pairs.filter(([, value]) => value).map(([key, value]) => el("div", {}, el("dt", {}, key), el("dd", {}, String(value)))));
  const link = event.clip && el("a", { href: `/${event.clip}`, download: "" }, "Save the clip");
  byId("player-links").replaceChildren(...(link ? [link] : []));
  player.showModal();
}

byId("player-close").addEventListener("click", () => byId("player").close());
byId("player").addEventListener("close", () => byId("player-media").replaceChildren());
byId("player").addEventListener("click", (event) => event.target === byId("player") && byId("player").close());
byId("older").addEventListener("click", async () => {
  const answer = await (await ask(`/api/events?count=${A_PAGE}&before=${events.at(-1).id}`)).json();
  events = [...events, ...answer.events];
  show();
  byId("older").hidden = answer.events.length < A_PAGE;
});
