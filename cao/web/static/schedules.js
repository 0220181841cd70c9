// Schedules, and the ledger of one: every due time and what became of it.

import { ask, newKey, offers } from "./api.js";
import { say } from "./dialog.js";
import { fill, h, paced, when } from "./dom.js";
import { List } from "./list.js";
import { openForm } from "./palette.js";
import { badge, button, empty, head, shown, trouble, verbatim, waiting } from "./parts.js";
import { Split } from "./split.js";
import { count, moment, onClock } from "./text.js";

export function schedules(context, parameters) {
  const list = new List("schedule.list", (schedule) => split.mark(row(schedule)), {
    blank: () =>
      empty("schedules", "No schedules", "A schedule starts a session at a time: by a cron line, or every so often."),
  });
  const add = () =>
    openForm("schedule.add", {
      title: "New schedule",
      values: { zone: Intl.DateTimeFormat().resolvedOptions().timeZone },
      first: ["name", "cron", "every", "zone", "profile", "provider", "prompt"],
      yes: "Add",
      done: (schedule) => context.go(`#/schedules/${schedule.name}`),
    });
  const aside = h(
    "section.index",
    {},
    head("Schedules", { actions: button("New", add, { tone: "main", drawn: "plus" }) }),
    list.element,
  );
  const split = new Split(
    aside,
    (name) => new SchedulePage(name, refresh),
    () => empty("schedules", "Choose a schedule", "Its ledger stands here: every due time and what became of it."),
  );
  const refresh = paced(load, 300);

  async function load() {
    await Promise.all([list.load(), split.open?.load()]);
  }

  const move = ({ rest }) => split.move(rest[0] ?? null);
  return {
    title: "Schedules",
    element: split.element,
    move,
    load: () => (split.open ? load() : Promise.all([list.load(), move(parameters)])),
    take: (event) => event.type.startsWith("schedule.") && refresh(),
    close: () => list.close(),
  };
}

class SchedulePage {
  element = h("div", {}, waiting());
  #name;
  #changed;

  constructor(name, changed) {
    this.#name = name;
    this.#changed = changed;
  }

  async load() {
    const schedule = this.#name;
    try {
      const [found, ledger, coming] = await Promise.all([
        ask("schedule.get", { schedule }),
        ask("schedule.history", { schedule, limit: 100 }),
        offers("schedule.next") ? ask("schedule.next", { schedule }).catch(() => null) : null,
      ]);
      fill(this.element, page(found, ledger.items, coming, this.#changed));
    } catch (problem) {
      fill(
        this.element,
        head(schedule, { back: "#/schedules" }),
        trouble(problem, () => this.load()),
      );
    }
  }
}

const rhythm = (schedule) => (schedule.cron ? schedule.cron : `every ${schedule.every}`);

function row(schedule) {
  const fire = schedule.last_fire;
  return h(
    "a.row",
    { href: `#/schedules/${schedule.name}`, data: { row: "", id: schedule.name } },
    h("span.name", {}, schedule.name),
    fire ? badge(fire.state) : badge(schedule.enabled ? "enabled" : "disabled"),
    h("span.detail-line", {}, h("code", {}, rhythm(schedule)), ` ${schedule.zone} \u00b7 ${schedule.profile}`),
    schedule.enabled ? when(schedule.next_due) : h("span", {}, "off"),
  );
}

function page(schedule, ledger, coming, changed) {
  const act = (name, words, options = {}) =>
    offers(name) &&
    button(
      words,
      async () => {
        try {
          await ask(name, { schedule: schedule.name }, { key: newKey() });
          changed();
        } catch (problem) {
          say(problem.message, "bad");
        }
      },
      options,
    );
  const remove =
    offers("schedule.remove") &&
    button(
      "Remove",
      () =>
        openForm("schedule.remove", {
          title: `Remove ${schedule.name}`,
          values: { schedule: schedule.name },
          fixed: ["schedule"],
          yes: "Remove",
          done: () => (location.hash = "#/schedules"),
        }),
      { tone: "quiet" },
    );
  const actions = [
    act("schedule.run", "Run now", { drawn: "runs" }),
    schedule.enabled ? act("schedule.disable", "Turn off") : act("schedule.enable", "Turn on"),
    remove,
  ];
  return [
    head(schedule.name, { back: "#/schedules", beside: badge(schedule.enabled ? "enabled" : "disabled"), actions }),
    h("div.panels", {}, facts(schedule), upcoming(coming), book(ledger)),
  ];
}

function facts(schedule) {
  const { cron, every, zone, profile, provider, directory, script, catch_up, window, overlap } = schedule;
  return h(
    "section.panel",
    {},
    h("h2", {}, "What it does"),
    shown({
      ...(cron ? { cron } : { every }),
      zone,
      profile,
      provider,
      directory,
      script,
      catch_up: `${catch_up}, within ${window}`,
      overlap,
    }),
    verbatim(schedule.prompt),
  );
}

function upcoming(coming) {
  const fires = coming?.fires ?? coming?.items ?? [];
  if (!fires.length) return null;
  return h(
    "section.panel",
    {},
    h("h2", {}, "Coming"),
    h(
      "ol.coming",
      {},
      fires
        .slice(0, 5)
        .map((fire) =>
          h(
            "li",
            {},
            h("b", {}, fire.local ? onClock(fire.local) : moment(fire.at)),
            when(fire.at),
            fire.note && h("span.soft", {}, fire.note),
          ),
        ),
    ),
  );
}

function book(ledger) {
  if (!ledger.length) return h("section.panel", {}, h("h2", {}, "Ledger"), h("p.none", {}, "Nothing was due yet."));
  const strip = h(
    "div.strip",
    { "aria-hidden": "true" },
    ledger
      .slice(0, 60)
      .reverse()
      .map((fire) => h("i", { class: fire.state, title: `${fire.state} ${fire.due ?? ""}` })),
  );
  const rows = ledger.map((fire) =>
    h(
      "tr",
      { data: { state: fire.state } },
      h("td", {}, badge(fire.state)),
      h("td", {}, fire.due ? [moment(fire.due), fire.count > 1 && ` (${count(fire.count, "due time")})`] : "by hand"),
      h(
        "td",
        {},
        fire.session_id && h("a", { href: `#/sessions/${fire.session_id}` }, "session"),
        fire.session_id && fire.run_id && " \u00b7 ",
        fire.run_id && h("a", { href: `#/runs/${fire.run_id}` }, "run"),
      ),
      h("td", {}, fire.reason ?? ""),
    ),
  );
  return h(
    "section.panel",
    {},
    h("h2", {}, "Ledger"),
    strip,
    h(
      "div.scroll",
      {},
      h(
        "table.ledger",
        {},
        h(
          "thead",
          {},
          h(
            "tr",
            {},
            ["State", "Due", "Work", "Why"].map((name) => h("th", { scope: "col" }, name)),
          ),
        ),
        h("tbody", {}, rows),
      ),
    ),
  );
}
