// Sessions: a live list, and one of them as a story beside it.

import { ask, listed } from "./api.js";
import { fill, h, paced, when } from "./dom.js";
import { List } from "./list.js";
import { learnSession } from "./names.js";
import { badge, button, choices, empty, head } from "./parts.js";
import { SessionScreen } from "./session.js";
import { Split } from "./split.js";

export function sessions(context, parameters) {
  const activity = new Activity();
  const list = new List("session.list", (session) => split.mark(row(session, activity)), {
    blank: () => empty("sessions", "No sessions", "Launch one, and watch it here."),
  });
  const beside = h("span.beside", {});
  const search = h("input", {
    type: "search",
    placeholder: "Find by name",
    "aria-label": "Find by name",
    oninput: paced(() => filter(), 60),
  });
  let status = "open";
  const reload = () => list.load(status === "all" ? {} : { status });
  const bar = h(
    "div.bar",
    {},
    choices(
      "Status",
      [
        ["open", "Open"],
        ["closed", "Closed"],
        ["all", "All"],
      ],
      status,
      (value) => {
        status = value;
        reload();
      },
    ),
    search,
  );
  const aside = h(
    "section.index",
    {},
    head("Sessions", { beside, actions: button("Launch", context.launch, { tone: "main", drawn: "plus", key: "n" }) }),
    bar,
    list.element,
  );
  const split = new Split(
    aside,
    (reference) => new SessionScreen(context, reference),
    () => empty("sessions", "Choose a session", "Its story stands here: what was asked, said and done."),
  );

  const dirty = new Set();
  const refresh = paced(async () => {
    const ids = [...dirty];
    dirty.clear();
    await activity.load();
    fill(beside, activity.words());
    if (ids.length > 12) return reload();
    await Promise.all(ids.map((id) => ask("session.get", { session: id }).then(show, () => list.drop(id))));
  }, 250);

  function show(session) {
    learnSession(session);
    if (status !== "all" && session.status !== status) list.drop(session.id);
    else list.put(session);
    filter();
  }

  function filter() {
    const words = search.value.toLowerCase();
    for (const element of list.rows.values()) element.hidden = !element.dataset.name.includes(words);
  }

  const move = ({ rest }) => split.move(rest[0] ?? null);

  return {
    title: "Sessions",
    element: split.element,
    move,
    async load() {
      await activity.load();
      fill(beside, activity.words());
      await Promise.all([reload(), split.open ? split.open.load() : move(parameters)]);
      filter();
    },
    async recover() {
      await activity.load();
      await reload();
      split.open?.recover();
    },
    take(event) {
      split.open?.take(event);
      if (!event.session_id || !/^(session|terminal|turn|run|approval)\./.test(event.type)) return;
      dirty.add(event.session_id);
      refresh();
    },
    keys: { a: () => split.open?.decide("approve"), d: () => split.open?.decide("deny") },
    close() {
      list.close();
      split.open?.close();
    },
  };
}

/** Which sessions work and which wait: the listing tells only of their first agent. */
class Activity {
  #by = new Map();

  async load() {
    const found = await Promise.all(["failed", "running", "waiting"].map((status) => listed("terminal.list", { status }, 400)));
    this.#by = new Map(found.flat().map((terminal) => [terminal.session_id, terminal.status]));
  }

  of(session) {
    return session.status === "closed" ? "closed" : (this.#by.get(session.id) ?? "idle");
  }

  words() {
    const states = [...this.#by.values()];
    const working = states.filter((state) => state === "running").length;
    const asking = states.filter((state) => state === "waiting").length;
    return [working && `${working} working`, asking && `${asking} waiting for you`].filter(Boolean).join(" \u00b7 ");
  }
}

function row(session, activity) {
  const first = session.terminals[0];
  const labels = Object.entries(session.labels).map(([key, value]) => h("span.tag", {}, value ? `${key}: ${value}` : key));
  return h(
    "a.row",
    { href: `#/sessions/${session.id}`, data: { row: "", id: session.id, name: session.name.toLowerCase() } },
    h("span.name", {}, session.name),
    badge(activity.of(session)),
    h("span.detail-line", {}, first ? `${first.profile} \u00b7 ${first.provider}` : "no agents", labels),
    when(session.created_at),
  );
}
