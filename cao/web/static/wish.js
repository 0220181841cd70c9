// One requirement, and the vision: what they say, and what can be made of them.

import { ask, offers } from "./api.js";
import { change } from "./change.js";
import { fill, h, paced, refill, when } from "./dom.js";
import { openForm } from "./palette.js";
import { badge, button, head, shown, trouble, verbatim, waiting } from "./parts.js";

const BACK = "#/tasks/wishes";

/** A page of one thing, drawn again when events of its kind come. */
class Page {
  element = h("article.thing", {}, waiting(4));
  #types;
  #title;
  #refresh = paced(() => this.load(), 250);

  constructor(title, types) {
    this.#title = title;
    this.#types = types;
  }

  async load() {
    try {
      refill(this.element, await this.draw());
    } catch (problem) {
      if (problem.unreachable) throw problem;
      fill(
        this.element,
        head(this.#title, { back: BACK }),
        trouble(problem, () => this.load()),
      );
    }
  }

  take(event) {
    if (this.#types.test(event.type)) this.#refresh();
  }

  close() {
    this.#refresh = () => {};
  }
}

export class VisionPage extends Page {
  constructor() {
    super("The vision", /^(vision|refinement)\./);
  }

  async draw() {
    const vision = await ask("vision.get");
    const project = vision.project_id ?? undefined;
    const write = () =>
      openForm("vision.set", {
        title: "The vision",
        values: { text: vision.text, expect_version: vision.version, project },
        fixed: ["expect_version", "project"],
        yes: "Save",
      });
    const actions = [
      vision.text && offers("vision.refine") && refining("vision.refine", "the vision", { project }),
      button(vision.text ? "Edit" : "Write it", write, { "data-key": "edit" }),
    ];
    return [
      head("The vision", { back: BACK, actions }),
      refinement(vision),
      vision.text ? verbatim(vision.text, "pre.prose") : h("p.none", {}, "Nobody has written yet what the project is for."),
    ];
  }
}

export class WishPage extends Page {
  #context;
  #id;

  constructor(context, id) {
    super("Requirement", /^(requirement|refinement|task)\./);
    this.#context = context;
    this.#id = id;
  }

  async draw() {
    const one = await ask("requirement.get", { requirement: this.#id });
    const tasks = await Promise.all(one.task_ids.map((task) => ask("task.get", { task }).catch(() => null)));
    return [
      head(one.title, { back: BACK, beside: badge(one.status), actions: this.#actions(one) }),
      refinement(one),
      h(
        "div.panels",
        {},
        h(
          "section.panel",
          {},
          one.body && verbatim(one.body, "pre.prose"),
          shown({ priority: one.priority, source: one.source, created_by: one.created_by }),
        ),
        one.acceptance.length > 0 &&
          h(
            "section.panel",
            {},
            h("h2", {}, "It is met when"),
            h(
              "ul.criteria",
              {},
              one.acceptance.map((line) => h("li", {}, line)),
            ),
          ),
        h("section.panel", {}, h("h2", {}, "Tasks"), served(tasks.filter(Boolean))),
      ),
    ];
  }

  #actions(one) {
    const plan = () => change("requirement.execute", { requirement: one.id }, "Its tasks are made");
    const fields = ["title", "body", "priority", "status", "acceptance"];
    const edit = () =>
      openForm("requirement.update", {
        title: "Edit the requirement",
        values: {
          requirement: one.id,
          expect_version: one.version,
          ...Object.fromEntries(fields.map((name) => [name, one[name]])),
        },
        fixed: ["requirement", "expect_version"],
        first: fields,
        yes: "Save",
      });
    const remove = () =>
      openForm("requirement.delete", {
        title: `Delete ${one.title}`,
        values: { requirement: one.id },
        fixed: ["requirement"],
        yes: "Delete",
        done: () => this.#context.go(BACK),
      });
    return [
      button("Make tasks", plan, { tone: "main", drawn: "tasks", "data-key": "plan" }),
      offers("requirement.refine") && refining("requirement.refine", one.title, { requirement: one.id }),
      button("Edit", edit, { tone: "quiet", "data-key": "edit" }),
      button("Delete", remove, { tone: "quiet", "data-key": "delete" }),
    ];
  }
}

function refining(name, title, values) {
  const ask = () =>
    openForm(name, {
      title: `Refine ${title}`,
      values,
      fixed: Object.keys(values),
      first: ["notes", "profile", "provider"],
      yes: "Ask an agent",
    });
  return button("Refine\u2026", ask, { "data-key": "refine" });
}

/** What became of an agent's last rewriting. */
function refinement({ refinement: last }) {
  if (!last) return null;
  return h(
    "p.outcome.refined",
    {},
    "Refinement ",
    badge(last.state),
    when(last.settled_at ?? last.created_at),
    h("a", { href: `#/sessions/${last.session_id}` }, "its session"),
    last.reason && h("q", {}, last.reason),
  );
}

function served(tasks) {
  if (!tasks.length) return h("p.none", {}, "None yet.");
  return h(
    "ul.links-of",
    {},
    tasks.map((task) => h("li", {}, badge(task.status, "task"), h("a", { href: `#/tasks/${task.id}` }, task.title))),
  );
}
