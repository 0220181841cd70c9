// Events: the log as it grows.

import { fill, h } from "./dom.js";
import { newest } from "./log.js";
import { sessionLink } from "./names.js";
import { button, empty, head, shown, trouble, waiting } from "./parts.js";
import { clock, short } from "./text.js";

const KEPT = 400;
const ENOUGH = 80;

export function eventLog({ feed }, { search }) {
  let wanted = search.get("types") ?? "";
  let paused = false;
  const held = [];
  let early = null; // events that came while the list was being read
  const list = h("div.list.log", { role: "log", "aria-live": "off" }, waiting(8));
  const filter = h("input", {
    type: "search",
    value: wanted,
    placeholder: "Filter by type: run.*, approval.requested",
    "aria-label": "Filter by type",
    oninput: () => change(),
  });
  const pause = button("Pause", () => hold(), { tone: "quiet" });
  const element = h("section.screen", {}, head("Events", { actions: pause }), h("div.bar", {}, filter), list);

  function change() {
    wanted = filter.value.trim();
    history.replaceState(null, "", wanted ? `#/events?types=${encodeURIComponent(wanted)}` : "#/events");
    load();
  }

  function hold() {
    paused = !paused;
    fill(pause, paused ? "Go on" : "Pause");
    if (!paused) for (const event of held.splice(0)) put(event);
  }

  const types = () => wanted.split(/[\s,]+/).filter((type) => /^[a-z]+\.([a-z]+|\*)$/.test(type));
  const fits = (event) =>
    !types().length ||
    types().some((type) => type === event.type || (type.endsWith(".*") && event.type.startsWith(type.slice(0, -1))));

  function put(event) {
    list.querySelector(".empty")?.remove();
    list.prepend(row(event));
    while (list.childElementCount > KEPT) list.lastElementChild.remove();
  }

  async function load() {
    const came = (early = []);
    const last = feed.seq;
    try {
      const { events } = await newest({ types: types() }, last, { enough: ENOUGH, most: KEPT });
      if (came !== early) return; // another filter since
      fill(list, events.length ? events.reverse().map(row) : empty("events", "Nothing yet", "Whatever happens appears here."));
      early = null;
      for (const event of came) if (event.seq > last) put(event);
    } catch (problem) {
      fill(list, trouble(problem, load));
    }
  }

  return {
    title: "Events",
    element,
    load,
    recover() {}, // the feed brings what was missed
    take(event) {
      if (!fits(event)) return;
      if (early) early.push(event);
      else if (!paused) put(event);
      else if (held.push(event) > KEPT) held.shift();
    },
  };
}

function row(event) {
  const words = event.data.text ?? event.data.question ?? event.data.name ?? event.data.state ?? "";
  return h(
    "details.event",
    { data: { type: event.type } },
    h(
      "summary",
      { data: { row: "" } },
      h("span.seq", {}, event.seq),
      h("span.type", {}, event.type),
      h("span.words", {}, short(words, 120)),
      h("span.actor", {}, event.actor),
      h("time", { datetime: event.at }, clock(event.at)),
    ),
    h(
      "div.inside",
      {},
      event.session_id && h("p", {}, "Session ", sessionLink(event.session_id)),
      shown({ terminal: event.terminal_id, run: event.run_id, ...event.data }),
    ),
  );
}
