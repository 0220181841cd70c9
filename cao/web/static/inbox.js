// The inbox: what needs a person, oldest question first.

import { ask, listed, newKey, offers } from "./api.js";
import { approvalCard } from "./approval.js";
import { fill, h, when } from "./dom.js";
import { say } from "./dialog.js";
import { icon } from "./icons.js";
import { sessionLink } from "./names.js";
import { button, empty, head, shown, trouble, waiting } from "./parts.js";
import { count } from "./text.js";

const GROUPS = [
  ["approval", "Waiting for you"],
  ["failure", "Failed"],
  ["missed", "Missed schedules"],
  ["dead", "Not delivered"],
];

export function inbox({ attention, launch }) {
  const cards = new Map();
  const body = h("div.inbox", {}, waiting());
  const beside = h("span.beside", {});
  const element = h(
    "section.screen.narrow",
    {},
    head("Inbox", { beside, actions: button("Launch", launch, { tone: "main", drawn: "plus", key: "n" }) }),
    body,
  );

  async function draw() {
    if (!attention.loaded) return;
    const items = attention.items;
    fill(beside, items.length ? count(items.length, "thing needs you", "things need you") : "");
    if (attention.problem) fill(body, trouble(attention.problem, attention.refresh));
    else if (!items.length) fill(body, await nothing(launch));
    else
      fill(
        body,
        GROUPS.map(([kind, title]) =>
          group(
            title,
            items.filter((item) => item.kind === kind),
          ),
        ),
      );
    for (const id of cards.keys()) if (!items.some((item) => item.id === id)) cards.delete(id);
  }

  function group(title, items) {
    if (!items.length) return null;
    return h("section.group", {}, h("h2", {}, title, h("span.number", {}, items.length)), items.map(card));
  }

  function card(item) {
    if (!cards.has(item.id)) cards.set(item.id, made(item, attention));
    return cards.get(item.id);
  }

  const focused = () => document.activeElement?.closest(".approval") ?? body.querySelector(".approval");
  attention.addEventListener("change", draw);
  return {
    title: "Inbox",
    element,
    load: () => attention.load(),
    keys: { a: () => focused()?.decide("approve"), d: () => focused()?.decide("deny") },
    close: () => attention.removeEventListener("change", draw),
  };
}

function made(item, attention) {
  const away = button("Dismiss", () => attention.dismiss(item), { tone: "quiet small" });
  switch (item.kind) {
    case "approval":
      return approvalCard(item.record, { linked: true });
    case "failure":
      return failure(item.record, away);
    case "missed":
      return lateFire(item, away);
    default:
      return deadLetter(item, attention, away);
  }
}

function failure(run, away) {
  const whole = run.kind === "workflow";
  const href = whole ? `#/workflows/${run.id}` : `#/sessions/${run.session_id}`;
  const { code, message } = run.failure ?? { code: "failed", message: "no reason was given" };
  return h(
    "article.card.trouble-card",
    { tabindex: "-1", data: { row: "" } },
    h(
      "header",
      {},
      h("span.mark.bad", {}, icon("cross")),
      h("h3", {}, sessionLink(run.session_id, href), " failed"),
      when(run.settled_at ?? run.created_at),
    ),
    h("p.reason", {}, h("code", {}, code), " ", message),
    h("footer", {}, h("a.button.small", { href }, whole ? "Open the run" : "Open the session"), away),
  );
}

function notice(item, drawn, title, data, href, away, ...actions) {
  return h(
    "article.card.trouble-card",
    { tabindex: "-1", data: { row: "" } },
    h("header", {}, h("span.mark.bad", {}, icon(drawn)), h("h3", {}, title), when(item.at)),
    shown(data),
    h("footer", {}, h("a.button.small", { href }, "Open"), actions, away),
  );
}

function lateFire(item, away) {
  const { schedule, due, count: times, state, reason } = item.record;
  const title = state === "failed" ? `${schedule} could not start its session` : `${schedule} was missed`;
  const told = { due, ...(times > 1 ? { due_times: times } : {}), reason };
  return notice(item, "warn", title, told, `#/schedules/${schedule}`, away);
}

function deadLetter(item, attention, away) {
  const again = async () => {
    try {
      await ask("delivery.retry", { delivery: item.record.id }, { key: newKey() });
      say("It is tried again");
      attention.refresh();
    } catch (problem) {
      say(problem.message, "bad");
    }
  };
  const retry = offers("delivery.retry") && button("Try again", again, { tone: "small" });
  const { notifier, title, error, attempts } = item.record;
  return notice(
    item,
    "notifications",
    `${notifier} could not be reached`,
    { title, error, attempts },
    "#/notifications",
    away,
    retry,
  );
}

async function nothing(launch) {
  const words = ["Questions of agents, failures and missed schedules come here."];
  const next = await nextFire().catch(() => null);
  if (next) words.push(" Next: ", h("a", { href: `#/schedules/${next.name}` }, next.name), " ", when(next.next_due), ".");
  return [empty("check", "Nothing needs you", words), h("p.centre", {}, button("Launch a session", launch, { drawn: "plus" }))];
}

async function nextFire() {
  if (!offers("schedule.list")) return null;
  const coming = (await listed("schedule.list", {}, 200)).filter((schedule) => schedule.next_due);
  return coming.sort((one, other) => (one.next_due < other.next_due ? -1 : 1))[0] ?? null;
}
