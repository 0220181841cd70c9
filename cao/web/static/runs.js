// Runs: handles on work, newest first.

import { ask, newKey } from "./api.js";
import { open, say, sure } from "./dialog.js";
import { fill, h, paced, when } from "./dom.js";
import { List } from "./list.js";
import { sessionLink } from "./names.js";
import { badge, button, choices, empty, head, shown, trouble, verbatim, waiting } from "./parts.js";
import { short, span } from "./text.js";

const STATES = ["queued", "running", "waiting", "completed", "failed", "cancelled"];
const FINAL = ["completed", "failed", "cancelled"];

export function runs(context, parameters) {
  let state = parameters.search.get("state") ?? "";
  const list = new List("run.list", row, {
    blank: () => empty("runs", "No runs", "Every prompt has one: a handle that outlives the process."),
  });
  const load = () => list.load(state ? { state } : {});
  const bar = h(
    "div.bar",
    {},
    choices("State", [["", "All"], ...STATES.map((one) => [one, one])], state, (value) => {
      state = value;
      load();
    }),
  );
  const element = h("section.screen", {}, head("Runs"), bar, list.element);
  const dirty = new Set();
  const refresh = paced(async () => {
    const ids = [...dirty];
    dirty.clear();
    if (ids.length > 12) return load();
    await Promise.all(
      ids.map((id) =>
        ask("run.get", { run: id }).then(
          (run) => (state && run.state !== state ? list.drop(id) : list.put(run)),
          () => list.drop(id),
        ),
      ),
    );
  }, 200);

  const show = async ({ rest }) => {
    if (rest[0]) await showRun(rest[0]);
  };
  return {
    title: "Runs",
    element,
    move: show,
    async load() {
      await load();
      await show(parameters);
    },
    take(event) {
      if (!event.type.startsWith("run.") || !event.run_id) return;
      dirty.add(event.run_id);
      refresh();
    },
    close: () => list.close(),
  };
}

function row(run) {
  const words = run.failure ? `${run.failure.code}: ${run.failure.message}` : (run.result ?? "");
  const took = run.started_at && run.settled_at ? span((new Date(run.settled_at) - new Date(run.started_at)) / 1000) : "";
  return h(
    "a.row.run",
    { href: run.kind === "workflow" ? `#/workflows/${run.id}` : `#/runs/${run.id}`, data: { row: "", id: run.id } },
    badge(run.state),
    h("span.name", {}, short(words, 160) || h("span.none", {}, FINAL.includes(run.state) ? "no words" : "no result yet")),
    h("span.detail-line", {}, h("code", {}, run.id), took && ` took ${took}`),
    when(run.created_at),
  );
}

async function showRun(id) {
  const body = h("div", {}, waiting());
  const dialog = open("Run", body, { wide: true });
  dialog.closed.then(() => location.hash.startsWith("#/runs/") && history.replaceState(null, "", "#/runs"));
  try {
    const run = await ask("run.get", { run: id });
    const { result, failure, ...rest } = run;
    fill(
      body,
      h(
        "p.outcome",
        {},
        badge(run.state),
        " in ",
        sessionLink(run.session_id),
        run.kind === "workflow" && h("a", { href: `#/workflows/${run.id}` }, "its phases"),
      ),
      failure && h("p.failure", {}, h("code", {}, failure.code), " ", failure.message),
      result && [h("h3", {}, "Result"), verbatim(result, "pre.verbatim.result")],
      h("h3", {}, "Record"),
      shown(rest),
      h(
        "footer",
        {},
        FINAL.includes(run.state) ? null : button("Cancel the run", () => cancel(run, dialog), { tone: "danger" }),
      ),
    );
    body.addEventListener("click", (event) => event.target.closest("a") && dialog.close());
  } catch (problem) {
    fill(body, trouble(problem));
  }
}

async function cancel(run, dialog) {
  if (!(await sure("Cancel this run?", "Its agent stops; what it said stays readable.", "Cancel the run"))) return;
  try {
    await ask("run.cancel", { run: run.id }, { key: newKey() });
    dialog.close();
  } catch (problem) {
    say(problem.message, "bad");
  }
}
