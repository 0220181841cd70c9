// Notifications: where they go, which events send them, and a receipt for each attempt.

import { ask, listed, newKey, offers } from "./api.js";
import { open, say } from "./dialog.js";
import { fill, h, paced, when } from "./dom.js";
import { List } from "./list.js";
import { openForm } from "./palette.js";
import { badge, button, choices, empty, head, shown, trouble, waiting } from "./parts.js";
import { short, span } from "./text.js";

const STATES = ["pending", "held", "accepted", "dead"];

export function notifications() {
  const targets = h("div.cards", {}, waiting(2));
  const rules = h("div", {});
  const list = new List("delivery.list", row, {
    blank: () => empty("notifications", "No notifications yet", "Whatever is sent has a receipt here."),
  });
  let state = "";
  const letters = () => list.load(state ? { state } : {});
  const bar = choices("Delivery", [["", "All"], ...STATES.map((one) => [one, one])], state, (value) => {
    state = value;
    letters();
  });
  const form = (name, title, first, yes) => () => openForm(name, { title, first, yes, done: () => refresh() });
  const actions = [
    offers("notify.send") && button("Send one", form("notify.send", "Send a notification", [], "Send"), {}),
    button("New notifier", form("notifier.add", "New notifier", ["name", "address", "tags"], "Add"), {
      tone: "main",
      drawn: "plus",
    }),
  ];
  const element = h(
    "section.screen",
    {},
    head("Notifications", { actions }),
    h("section.panel", {}, h("h2", {}, "Where they go"), targets),
    offers("rule.list") &&
      h(
        "section.panel",
        {},
        h(
          "h2",
          {},
          "Which events send them",
          button("New rule", form("rule.add", "New rule", ["events", "notifier", "tags"], "Add"), {
            tone: "small quiet",
            drawn: "plus",
          }),
        ),
        rules,
      ),
    offers("delivery.list") && h("section.receipts", {}, h("div.bar", {}, h("h2", {}, "Receipts"), bar), list.element),
  );
  const refresh = paced(load, 250);

  async function load() {
    try {
      const [notifiers, known] = await Promise.all([listed("notifier.list"), offers("rule.list") ? listed("rule.list") : []]);
      fill(
        targets,
        notifiers.length
          ? notifiers.map((one) => target(one, refresh))
          : empty(
              "notifications",
              "Nowhere yet",
              "Add a notifier: any Apprise URL, such as one of Discord, Telegram or e-mail.",
            ),
      );
      fill(
        rules,
        known.length
          ? known.map((one) => rule(one, notifiers, refresh))
          : h("p.none", {}, "No rules: nothing is sent by itself."),
      );
      if (offers("delivery.list")) await letters();
    } catch (problem) {
      fill(targets, trouble(problem, load));
    }
  }

  return {
    title: "Notifications",
    element,
    load,
    take: (event) => /^(notifier|rule|delivery|notification)\./.test(event.type) && refresh(),
    close: () => list.close(),
  };
}

/** A button's work: ask, tell what came of it, draw again. `told(answer)` gives the words and their tone. */
function does(name, fields, told, changed) {
  return async (event) => {
    const pressed = event.currentTarget;
    pressed.disabled = true;
    try {
      say(...told(await ask(name, fields, { key: newKey() })));
      changed();
    } catch (problem) {
      say(problem.message, "bad");
    } finally {
      pressed.disabled = false;
    }
  };
}

const tested = ({ notifier, outcome, seconds, error }) =>
  outcome === "accepted"
    ? [`${notifier} accepted the test in ${span(seconds)}`, "good"]
    : [`${notifier}: ${outcome}. ${error ?? ""}`, "bad"];

function target(notifier, changed) {
  const named = { notifier: notifier.name };
  const remove = () =>
    openForm("notifier.remove", {
      title: `Remove ${notifier.name}`,
      values: named,
      fixed: ["notifier"],
      yes: "Remove",
      done: changed,
    });
  return h(
    "article.card.notifier",
    { data: { notifier: notifier.name } },
    h("header", {}, h("h3", {}, notifier.name), badge(notifier.paused ? "paused" : "active")),
    h("p", {}, h("code", {}, notifier.target)),
    notifier.tags.length
      ? h(
          "p",
          {},
          notifier.tags.map((tag) => h("span.tag", {}, tag)),
        )
      : null,
    h(
      "footer",
      {},
      offers("notifier.test") &&
        button("Send a test", does("notifier.test", named, tested, changed), { tone: "small", drawn: "send" }),
      notifier.paused
        ? offers("notifier.resume") &&
            button(
              "Go on",
              does("notifier.resume", named, () => ["Goes on", "good"], changed),
              { tone: "small quiet" },
            )
        : offers("notifier.pause") &&
            button(
              "Pause",
              does("notifier.pause", named, () => ["Paused"], changed),
              { tone: "small quiet" },
            ),
      offers("notifier.remove") && button("Remove", remove, { tone: "small quiet" }),
    ),
  );
}

function rule(one, notifiers, changed) {
  const whom = notifiers.find((notifier) => notifier.id === one.notifier)?.name;
  const remove = () =>
    openForm("rule.remove", {
      title: "Remove this rule",
      values: { rule: one.id },
      fixed: ["rule"],
      yes: "Remove",
      done: changed,
    });
  return h(
    "p.rule",
    {},
    one.events.map((event) => h("span.tag", {}, event)),
    " \u2192 ",
    whom ? h("b", {}, whom) : one.tags.length ? one.tags.map((tag) => h("span.tag", {}, tag)) : "all notifiers",
    offers("rule.remove") && button("Remove", remove, { tone: "small quiet" }),
  );
}

function row(delivery) {
  return h(
    "button.row.delivery",
    {
      type: "button",

      onclick: () => receipt(delivery.id),
      data: { row: "", id: delivery.id, state: delivery.state },
    },
    badge(delivery.state),
    h("span.name", {}, short(delivery.title || delivery.body, 120)),
    h(
      "span.detail-line",
      {},
      `to ${delivery.notifier} \u00b7 ${delivery.kind} \u00b7 ${delivery.attempts} tried`,
      delivery.error && ` \u00b7 ${short(delivery.error, 120)}`,
    ),
    when(delivery.created_at),
  );
}

async function receipt(id) {
  const body = h("div", {}, waiting());
  const dialog = open("Notification", body, { wide: true });
  try {
    const delivery = await ask("delivery.get", { delivery: id });
    const again = does(
      "delivery.retry",
      { delivery: id },
      () => ["It is tried again"],
      () => dialog.close(),
    );
    fill(
      body,
      shown(delivery),
      offers("delivery.retry") && ["dead", "pending"].includes(delivery.state)
        ? h("footer", {}, button("Try again", again))
        : null,
    );
  } catch (problem) {
    fill(body, trouble(problem));
  }
}
