// Workflows: runs as they stand, the definitions of which they are made, and one of either beside the list.

import { ask, listed } from "./api.js";
import { DefinitionPage } from "./definition.js";
import { fill, h, paced, when } from "./dom.js";
import { List } from "./list.js";
import { openForm } from "./palette.js";
import { badge, button, choices, empty, head, trouble } from "./parts.js";
import { phasesOf, progress } from "./phases.js";
import { projectChoice } from "./projects.js";
import { Split } from "./split.js";
import { startForm } from "./start.js";
import { count } from "./text.js";
import { WorkflowPage } from "./workflow.js";

const DEFINITIONS = "definitions";
const STATES = ["running", "waiting", "paused", "queued", "completed", "failed", "cancelled"];
const OVER = ["completed", "failed", "cancelled"];
const MANY = 12; // changed runs from which the list is read again
const SAMPLE = `name: greet
description: Say hello, and ask whether that was enough.
inputs:
  name: {type: string, required: true, description: Whom to greet}
phases:
  - id: hello
    agent: {prompt: "Say hello to {{ inputs.name }}."}
  - id: enough
    manual: {question: "Was that enough?"}
`;

export function workflows(context, parameters) {
  const runs = new Runs((row) => split.mark(row));
  const definitions = new Definitions(context, (row) => split.mark(row));
  const body = h("div", {});
  let project = "";
  let shown = null;
  const start = (definition) =>
    startForm({ project: project || undefined, definition, started: (run) => context.go(`#/workflows/${run.id}`) });
  const tabs = choices(
    "Show",
    [
      ["runs", "Runs"],
      [DEFINITIONS, "Definitions"],
    ],
    "runs",
    (value) => context.go(value === "runs" ? "#/workflows" : `#/workflows/${DEFINITIONS}`),
  );
  const choice = projectChoice("The current project", (value) => {
    project = value;
    runs.project = definitions.project = value;
    shown.load();
  });
  const index = h(
    "section.index",
    {},
    head("Workflows", { actions: button("Start", () => start(), { tone: "main", drawn: "plus", key: "n" }) }),
    h("div.bar", {}, tabs, runs.choice, definitions.add, choice),
    body,
  );
  const split = new Split(
    index,
    (reference) =>
      reference.startsWith(DEFINITIONS)
        ? new DefinitionPage(context, reference.slice(DEFINITIONS.length + 1), { project: () => project || undefined, start })
        : new WorkflowPage(context, reference),
    () => empty("workflows", "Choose one", "A run shows its graph, each attempt at each phase, and how it was decided."),
  );

  async function move({ rest }) {
    const defining = rest[0] === DEFINITIONS;
    const wanted = defining ? definitions : runs;
    if (shown !== wanted) {
      shown = wanted;
      fill(body, wanted.element);
      runs.choice.hidden = defining;
      definitions.add.hidden = !defining;
      await wanted.load();
    }
    tabs.querySelector(`[value=${defining ? DEFINITIONS : "runs"}]`).checked = true;
    await split.move(defining ? (rest[1] ? `${DEFINITIONS}/${rest[1]}` : null) : (rest[0] ?? null));
  }

  return {
    title: "Workflows",
    element: split.element,
    move,
    async load() {
      await Promise.all([shown?.load(), split.open?.load()]);
      if (!shown) await move(parameters);
    },
    take(event) {
      split.open?.take(event);
      runs.take(event);
      definitions.take(event);
    },
    keys: { n: () => start(), a: () => split.open?.decide?.("approve"), d: () => split.open?.decide?.("deny") },
    close() {
      runs.close();
      split.open?.close();
    },
  };
}

/** The runs, newest first. */
class Runs {
  project = "";
  element;
  #state = "";
  #list;
  #dirty = new Set();
  #known = new Set();
  #refresh = paced(() => this.#renew(), 250);

  constructor(marked) {
    this.#list = new List("workflow.list", (run) => marked(row(run)), {
      blank: () => empty("workflows", "No runs", "Start a workflow, and watch its phases here."),
    });
    this.choice = h(
      "select",
      {
        "aria-label": "State",
        onchange: () => {
          this.#state = this.choice.value;
          this.load();
        },
      },
      [["", "Any state"], ...STATES.map((one) => [one, one])].map(([value, words]) => h("option", { value }, words)),
    );
    this.element = this.#list.element;
  }

  async load() {
    await this.#list.load({ state: this.#state || undefined, project: this.project || undefined });
    for (const [id, row] of this.#list.rows) {
      this.#known.add(id);
      if (!OVER.includes(row.dataset.state) && this.#dirty.size < MANY) this.#dirty.add(id);
    }
    await this.#renew();
  }

  /** What happens in a run is told with its id, or with the session that it has. */
  take(event) {
    if (!event.run_id) return;
    if (event.type === "workflow.started") this.#known.add(event.run_id);
    if (!this.#known.has(event.run_id) || !/^(workflow|phase|run|approval)\./.test(event.type)) return;
    this.#dirty.add(event.run_id);
    this.#refresh();
  }

  async #renew() {
    const ids = [...this.#dirty];
    this.#dirty.clear();
    if (ids.length > MANY) return this.load();
    await Promise.all(
      ids.map((run) =>
        ask("workflow.get", { run }).then(
          (found) => this.#put(found),
          () => this.#list.drop(run),
        ),
      ),
    );
  }

  async #put(run) {
    const phases = await phasesOf(run);
    const fits = (!this.#state || run.state === this.#state) && (!this.project || run.project_id === this.project);
    if (fits) this.#list.put({ ...run, phases });
    else this.#list.drop(run.id);
  }

  close() {
    this.#list.close();
  }
}

function row(run) {
  const done = run.steps.length ? progress(run.steps, run.phases) : "";
  const given = Object.values(run.inputs).filter((value) => typeof value === "string");
  const words = run.failure?.message ?? [done, ...(run.current.length ? run.current : given)].filter(Boolean).join(" \u00b7 ");
  return h(
    "a.row",
    { href: `#/workflows/${run.id}`, data: { row: "", id: run.id, state: run.state } },
    h("span.name", {}, run.definition),
    badge(run.state),
    h("span.detail-line", {}, words),
    when(run.created_at),
  );
}

/** The definitions of a project. */
class Definitions {
  project = "";
  element = h("div.list", {});
  add;
  #marked;
  #refresh = paced(() => this.load(), 300);

  constructor(context, marked) {
    this.#marked = marked;
    const write = () =>
      openForm("definition.put", {
        title: "New definition",
        values: { text: SAMPLE, project: this.project || undefined },
        first: ["definition", "text"],
        yes: "Save",
        done: (made) => context.go(`#/workflows/${DEFINITIONS}/${made.name}`),
      });
    this.add = button("New", write, { drawn: "plus" });
  }

  async load() {
    try {
      const found = await listed("definition.list", { project: this.project || undefined }, 200);
      fill(
        this.element,
        found.length
          ? found.map((one) => this.#marked(definitionRow(one)))
          : empty("workflows", "No definitions", "They are YAML files in the project's folder .cao/workflows."),
      );
    } catch (problem) {
      if (problem.unreachable) throw problem;
      fill(
        this.element,
        trouble(problem, () => this.load()),
      );
    }
  }

  take(event) {
    if (event.type.startsWith("definition.") && this.element.isConnected) this.#refresh();
  }
}

function definitionRow(one) {
  return h(
    "a.row",
    { href: `#/workflows/${DEFINITIONS}/${one.name}`, data: { row: "", id: `${DEFINITIONS}/${one.name}` } },
    h("span.name", {}, one.name),
    one.problem ? badge("broken") : h("span.soft", {}, count(one.phases.length, "phase")),
    h("span.detail-line", {}, one.problem ?? one.description),
  );
}
