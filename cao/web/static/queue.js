// The queue: work in the order of its dispatch, why each piece waits, and how much room there is.

import { ask, offers } from "./api.js";
import { change } from "./change.js";
import { sure } from "./dialog.js";
import { fill, h, paced, refill, when } from "./dom.js";
import { icon } from "./icons.js";
import { List } from "./list.js";
import { openForm } from "./palette.js";
import { badge, button, choices, empty, head, trouble } from "./parts.js";

const STATES = [
  ["", "In line"],
  ["done", "Done"],
  ["failed", "Failed"],
  ["cancelled", "Cancelled"],
  ["dropped", "Dropped"],
  ["expired", "Expired"],
];
const FIRST = ["prompt", "profile", "provider", "priority", "not_before"];

export function queue() {
  let filter = {};
  const list = new List("queue.list", row, {
    blank: () =>
      filter.state
        ? h("p.none", {}, "None.")
        : empty("queue", "Nothing in line", "What is enqueued is dispatched by itself, as soon as there is room."),
  });
  const standing = h("div.room", {});
  const actions = h("span.row-of", {});
  const enqueue = () => openForm("queue.enqueue", { title: "Enqueue", first: FIRST, yes: "Enqueue" });
  const states = choices("State", STATES, "", (state) => {
    filter = state ? { state } : {};
    list.load(filter);
  });
  const element = h("section.screen", {}, head("Queue", { actions }), standing, h("div.bar", {}, states), list.element);
  const refresh = paced(load, 300);

  async function load() {
    await Promise.all([list.load(filter), tell()]);
  }

  async function tell() {
    try {
      const stats = await ask("queue.stats");
      refill(actions, pausing(stats), button("Enqueue", enqueue, { tone: "main", drawn: "plus", key: "n", "data-key": "new" }));
      refill(standing, paused(stats), figures(stats), rooms(stats));
    } catch (problem) {
      fill(standing, trouble(problem, tell));
    }
  }

  const focused = () => document.activeElement?.closest(".item");
  return {
    title: "Queue",
    element,
    load,
    take: (event) => /^(queue|daemon)\./.test(event.type) && refresh(),
    keys: { n: enqueue, h: () => focused()?.hold?.(), f: () => focused()?.front?.() },
    close: () => list.close(),
  };
}

function pausing(stats) {
  if (!offers("daemon.pause")) return null;
  if (stats.paused)
    return button("Resume", () => change("daemon.resume", {}, "The queue goes on"), { drawn: "runs", "data-key": "pause" });
  const pause = () => openForm("daemon.pause", { title: "Pause the queue", first: ["reason"], yes: "Pause" });
  return button("Pause", pause, { drawn: "pause", "data-key": "pause" });
}

function paused(stats) {
  if (!stats.paused) return null;
  const why = stats.paused_reason && [": ", h("q", {}, stats.paused_reason)];
  return h(
    "p.standing",
    { role: "status" },
    icon("pause"),
    h("span", {}, `Paused by ${stats.paused_by ?? "somebody"}`, why, ". Nothing is dispatched; what is under way goes on."),
  );
}

function figures(stats) {
  const number = (state) => stats.states[state] ?? 0;
  const numbers = [
    [h("b", {}, stats.in_flight, h("small", {}, ` / ${stats.limit}`)), "under way"],
    [h("b", {}, number("ready")), "ready"],
    [h("b", {}, number("held")), "held"],
    stats.oldest_ready_at && [h("b", {}, when(stats.oldest_ready_at)), "the oldest is from"],
    stats.next_due_at && [h("b", {}, when(stats.next_due_at)), "the next is due"],
  ];
  return h(
    "ul.figures",
    {},
    numbers.filter(Boolean).map(([value, words]) => h("li", {}, value, h("span", {}, words))),
  );
}

/** How full each project and provider is that has work under way or a limit of its own. */
function rooms({ projects, providers, limit: whole }) {
  const all = [...projects, ...providers];
  if (!all.length) return null;
  return h(
    "ul.rooms",
    {},
    all.map((one) =>
      h(
        "li",
        {},
        h("span", {}, one.name),
        meter(one.in_flight / (one.limit ?? whole)),
        h("span.number", {}, `${one.in_flight} of ${one.limit ?? whole}`),
      ),
    ),
  );
}

function meter(part) {
  const bar = h("i.meter", { "aria-hidden": "true" });
  bar.style.setProperty("--part", String(Math.min(1, part)));
  return bar;
}

function row(item) {
  const one = { items: [item.id] };
  const hold = () => (item.state === "held" ? change("queue.release", one, "Released") : change("queue.hold", one, "Held"));
  const front = () => change("queue.reorder", { ...one, to: "front" }, `First of those that are ${item.priority}`);
  const drop = async () => {
    if (await sure("Drop it?", "It is never dispatched. Its record stays, and a task stays ready.", "Drop"))
      await change("queue.drop", one, "Dropped");
  };
  const element = h(
    "article.row.item",
    { tabindex: "0", data: { row: "", id: item.id, state: item.state } },
    h("span.place", {}, item.position ?? ""),
    h("span.name", {}, subject(item)),
    h("span.detail-line", {}, details(item)),
    h("span.urgency", { class: item.priority }, item.priority),
    badge(item.state, "item"),
    actions(item, { hold, front, drop }),
  );
  return ["ready", "held"].includes(item.state) ? Object.assign(element, { hold, front }) : element;
}

function subject({ kind, what, subject: id, run_id: run, session_id: session }) {
  if (kind === "task") return h("a", { href: `#/tasks/${id}` }, what);
  if (kind === "workflow" && run) return h("a", { href: `#/workflows/${run}` }, what);
  return session ? h("a", { href: `#/sessions/${session}` }, what) : what;
}

function details(item) {
  const late = item.expires_at && !item.dispatched_at && [" \u00b7 given up ", when(item.expires_at)];
  return [
    item.kind,
    item.provider && ` \u00b7 ${item.provider}`,
    item.reason && h("span.why", {}, " \u00b7 ", timed(item.reason)),
    late,
    item.run_id && [" \u00b7 ", h("a", { href: `#/runs/${item.run_id}` }, "run")],
  ];
}

/** A reason as it is told, with its moments as the reader counts them. */
const timed = (text) => text.split(/(\d{4}-\d\d-\d\dT[\d:.]+Z)/).map((part, at) => (at % 2 ? when(part) : part));

function actions(item, { hold, front, drop }) {
  if (!["ready", "held"].includes(item.state)) return when(item.settled_at ?? item.dispatched_at ?? item.created_at);
  const small = (words, onclick, drawn, name) =>
    button(words, onclick, {
      tone: "quiet small",
      drawn,
      title: name,
      "aria-label": `${name}: ${item.what}`,
      "data-key": `${name}-${item.id}`,
    });
  return h(
    "span.acts",
    {},
    item.state === "held" ? small("Release", hold, "runs", "Release") : small("Hold", hold, "pause", "Hold"),
    small("", front, "front", "To the front"),
    small("", drop, "cross", "Drop"),
  );
}
