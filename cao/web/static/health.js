// Health: whether all is well, what runs, and the end of the log.

import { ask, BASE, offers } from "./api.js";
import { fill, h, paced, when } from "./dom.js";
import { badge, head, shown, trouble, verbatim, waiting } from "./parts.js";

const LINES = 120;

export function health() {
  const body = h("div.panels", {}, waiting());
  const beside = h("span.beside", {});
  const element = h("section.screen", {}, head("Health", { beside }), body);
  const refresh = paced(load, 1000);

  async function load() {
    try {
      const [report, status, logs] = await Promise.all([
        ask("daemon.health"),
        ask("daemon.status"),
        offers("daemon.logs") ? ask("daemon.logs", { lines: LINES }) : null,
      ]);
      fill(beside, badge(report.status));
      fill(body, figures(status), engine(report.engine), receivers(report.receivers), await plugins(), logs && log(logs));
    } catch (problem) {
      fill(body, trouble(problem, load));
    }
  }

  return {
    title: "Health",
    element,
    load,
    take: (event) => /^(engine|server|turn|run|approval|plugin)\./.test(event.type) && refresh(),
  };
}

function figures(status) {
  const numbers = [
    [status.open_sessions, "open sessions"],
    [status.pending_messages, "messages waiting"],
    [status.pending_approvals, "questions waiting"],
    [status.last_seq, "events"],
  ];
  return [
    h(
      "ul.figures",
      {},
      numbers.map(([number, words]) => h("li", {}, h("b", {}, number.toLocaleString()), h("span", {}, words))),
    ),
    panel(
      "Server",
      h(
        "dl.fields",
        {},
        pair("Version", status.version),
        pair("Address", status.url ?? "\u2013"),
        pair("Process", String(status.pid)),
        pair("Data", status.home),
        pair("Started", when(status.started_at)),
      ),
    ),
  ];
}

function engine(info) {
  return panel(
    "Engine",
    h("p.outcome", {}, badge(info.state), " ", info.detail),
    h(
      "dl.fields",
      {},
      pair("Active sessions", String(info.active)),
      pair("Queued", String(info.queued)),
      pair("Prefect", h("a", { href: `${BASE}/prefect`, rel: "noreferrer" }, info.api_url ?? "\u2013")),
    ),
  );
}

function receivers(list) {
  if (!list.length) return null;
  const rows = list.map((one) =>
    h(
      "tr",
      {},
      h("td", {}, one.name),
      ...[one.calls, one.errors, one.timeouts, one.dropped].map((number) => h("td.number", {}, number)),
      h("td", {}, one.last_error ?? "\u2013"),
    ),
  );
  return panel(
    "Receivers of signals",
    h(
      "div.scroll",
      {},
      h(
        "table",
        {},
        h(
          "thead",
          {},
          h(
            "tr",
            {},
            ["Name", "Calls", "Errors", "Time-outs", "Dropped", "Last error"].map((name) => h("th", { scope: "col" }, name)),
          ),
        ),
        h("tbody", {}, rows),
      ),
    ),
  );
}

async function plugins() {
  if (!offers("plugin.list")) return null;
  const { items } = await ask("plugin.list");
  return items.length ? panel("Plugins", shown(items)) : null;
}

const log = (logs) => panel("Log", verbatim(logs.lines.join("\n") || "empty", "pre.verbatim.tall"));
const panel = (title, ...content) => h("section.panel", {}, h("h2", {}, title), content);
const pair = (name, value) => [h("dt", {}, name), h("dd", {}, value)];
