// One task: what it says, where it can go, what it waits for, and what happened to it.

import { ask, offers } from "./api.js";
import { change } from "./change.js";
import { sure } from "./dialog.js";
import { fill, h, paced, refill, when } from "./dom.js";
import { icon } from "./icons.js";
import { openForm } from "./palette.js";
import { badge, button, choices, head, trouble, verbatim, waiting } from "./parts.js";
import { count, label, short } from "./text.js";

const PRIORITIES = ["critical", "high", "medium", "low"];
const HISTORY = 60;

/** What moving a task is called, and whether a reason is asked for. */
const MOVES = {
  "in-progress": { words: "Start", tone: "main" },
  done: { words: "Done", tone: "main", drawn: "check" },
  ready: { words: "Make ready" },
  blocked: { words: "Blocked\u2026", why: true },
  "on-hold": { words: "On hold\u2026", why: true },
  backlog: { words: "To the backlog", tone: "quiet" },
  cancelled: { words: "Cancel\u2026", tone: "quiet", why: true },
};

export class TaskPage {
  element = h("article.thing", {}, waiting(6));
  #context;
  #id;
  #task = null;
  #head = h("div", {});
  #text = h("div", {});
  #facts = h("dl.fields", {});
  #list = h("ul.checklist", {});
  #links = h("ul.links-of", {});
  #past = h("ol.past", {});
  #refresh = paced(() => this.load(), 200);

  constructor(context, id) {
    this.#context = context;
    this.#id = id;
  }

  async load() {
    try {
      const [task, past] = await Promise.all([
        ask("task.get", { task: this.#id }),
        ask("task.history", { task: this.#id, limit: HISTORY }),
      ]);
      const others = await Promise.all(
        task.depends_on.map((one) => ask("task.get", { task: one.task }).catch(() => ({ id: one.task, title: one.task }))),
      );
      if (!this.#task) this.#build();
      this.#task = task;
      this.#draw(past.items, others);
    } catch (problem) {
      if (problem.unreachable && this.#task) throw problem;
      this.#task = null;
      fill(
        this.element,
        head("Task", { back: "#/tasks" }),
        trouble(problem, () => this.load()),
      );
    }
  }

  take(event) {
    const about = [this.#id, ...(this.#task?.depends_on.map((one) => one.task) ?? [])];
    if (event.type.startsWith("task.") && about.includes(event.data.task_id)) this.#refresh();
  }

  close() {
    this.#refresh = () => {};
  }

  /** The frame, once: what somebody types in it is kept when the task changes. */
  #build() {
    const more = h("input", { name: "text", maxlength: "200", placeholder: "Add an item", "aria-label": "Add an item" });
    const add = async (event) => {
      event.preventDefault();
      if (more.value.trim() && (await this.#change("checklist.add", { text: more.value.trim() }))) more.value = "";
    };
    const depend = () => this.#form("dependency.add", "What it depends on", ["other", "kind"], {}, "Add");
    fill(
      this.element,
      this.#head,
      h(
        "div.panels",
        {},
        h("section.panel", {}, this.#text, this.#facts),
        h("section.panel", {}, h("h2", {}, "Checklist"), this.#list, h("form.adding", { onsubmit: add }, more)),
        h("section.panel", {}, h("h2", {}, "Depends on", button("Add", depend, { tone: "quiet small" })), this.#links),
        h("section.panel", {}, h("h2", {}, "History"), this.#past),
      ),
    );
  }

  #draw(past, others) {
    const task = this.#task;
    refill(
      this.#head,
      head(task.title, { back: "#/tasks", beside: badge(task.status, "task"), actions: this.#actions() }),
      task.blocked_reason && h("p.standing", {}, icon("info"), task.blocked_reason),
    );
    fill(this.#text, task.description ? verbatim(task.description, "pre.prose") : null);
    refill(this.#facts, this.#pairs());
    refill(
      this.#list,
      task.checklist.map((item) => this.#item(item)),
    );
    refill(
      this.#links,
      task.depends_on.length ? task.depends_on.map((one, at) => this.#link(one, others[at])) : h("li.none", {}, "Nothing."),
    );
    refill(this.#past, past.map(happened));
  }

  #actions() {
    const task = this.#task;
    const startable = task.status === "ready" && !task.person && !this.#awaited && offers("queue.enqueue");
    const enqueue = async () =>
      (await change("queue.enqueue", { task: task.id }, "It is in the queue")) && this.#context.go("#/queue");
    return [
      startable && button("Enqueue", enqueue, { drawn: "queue", "data-key": "enqueue" }),
      Object.keys(MOVES)
        .filter((status) => task.moves.includes(status))
        .map((status) => this.#moving(status)),
      !task.moves.length && button("Reopen", () => this.#change("task.reopen"), { "data-key": "reopen" }),
      button("Edit", () => this.#edit(), { tone: "quiet", "data-key": "edit" }),
      task.status !== "in-progress" && button("Delete", () => this.#delete(), { tone: "quiet", "data-key": "delete" }),
    ];
  }

  #moving(status) {
    const { words, tone, drawn, why } = MOVES[status];
    const go = () =>
      why
        ? this.#form("task.status", `${label(words.replace("\u2026", ""))}: ${this.#task.title}`, ["reason"], { status })
        : this.#change("task.status", { status });
    const early = status === "in-progress" && this.#awaited;
    const title = early ? "It begins once what it depends on is done" : undefined;
    return button(words, go, { tone, drawn, title, disabled: early, "data-key": `to-${status}` });
  }

  /** Whether something that it depends on is not done. */
  get #awaited() {
    return this.#task.depends_on.some((one) => one.kind === "blocks" && one.status !== "done");
  }

  #pairs() {
    const task = this.#task;
    const small = (words, onclick, key) => button(words, onclick, { tone: "quiet small", "data-key": key });
    const urgency = choices(
      "Priority",
      PRIORITIES.map((one) => [one, one]),
      task.priority,
      (priority) => this.#change("task.priority", { priority }),
    );
    const whom = task.agent ? [icon("sessions"), task.agent] : (task.person ?? h("span.none", {}, "nobody"));
    const pairs = [
      ["Priority", urgency],
      [
        "Assigned to",
        [
          whom,
          small(
            "Assign",
            () => this.#form("task.assign", "Assign", ["agent", "person"], this.#held("agent", "person")),
            "assign",
          ),
        ],
      ],
      [
        "Due",
        [
          when(task.deadline) ?? h("span.none", {}, "no deadline"),
          small("Set", () => this.#form("task.deadline", "Deadline", ["deadline"], this.#held("deadline")), "due"),
        ],
      ],
      ["Kind", [task.kind, task.risk && `, ${task.risk} risk`]],
      task.labels.length && ["Labels", task.labels.map((one) => h("span.tag", {}, one))],
      task.workflow && ["Workflow", h("a", { href: `#/workflows/definitions/${task.workflow}` }, task.workflow)],
      task.requirement_id && ["Requirement", h("a", { href: `#/tasks/wishes/${task.requirement_id}` }, task.requirement_id)],
      task.run_id && ["Last run", h("a", { href: `#/runs/${task.run_id}` }, task.run_id)],
      ["Created", [when(task.created_at), ` by ${task.created_by}`]],
    ];
    return pairs.filter(Boolean).map(([name, value]) => [h("dt", {}, name), h("dd", {}, value)]);
  }

  #held(...names) {
    return Object.fromEntries(names.map((name) => [name, this.#task[name] ?? undefined]));
  }

  #item(item) {
    const set = (event) => this.#change("checklist.set", { item: item.id, done: event.target.checked });
    const box = h("input", { type: "checkbox", checked: item.done, onchange: set, data: { key: `item-${item.id}` } });
    return h("li", {}, h("label", { class: item.done ? "ticked" : "" }, box, h("span", {}, item.text)));
  }

  #link(one, other) {
    const drop = async () => {
      const words = "The two have nothing to do with each other from then on.";
      if (await sure("Remove the dependency?", words, "Remove"))
        await change("dependency.remove", { task: this.#id, other: one.task });
    };
    return h(
      "li",
      {},
      badge(one.status, "task"),
      h("a", { href: `#/tasks/${one.task}` }, other.title),
      one.kind === "related" && h("span.soft", {}, "related"),
      button("", drop, { tone: "quiet small", drawn: "cross", "aria-label": `Remove ${other.title}`, "data-key": one.task }),
    );
  }

  #change(name, fields = {}) {
    return change(name, { task: this.#id, expect_version: this.#task.version, ...fields });
  }

  #form(name, title, first, values, yes = "Save") {
    const given = { task: this.#id, expect_version: this.#task.version, ...values };
    const fixed = Object.keys(given).filter((field) => !first.includes(field));
    return openForm(name, { title, first, values: given, fixed, yes });
  }

  #edit() {
    const { title, description, kind, risk, labels, workflow } = this.#task;
    const values = { title, description, kind, risk, labels, workflow };
    return this.#form("task.update", "Edit the task", Object.keys(values), values);
  }

  #delete() {
    return openForm("task.delete", {
      title: `Delete ${this.#task.title}`,
      values: { task: this.#id, expect_version: this.#task.version },
      fixed: ["task", "expect_version"],
      yes: "Delete",
      done: () => this.#context.go("#/tasks"),
    });
  }
}

function happened(event) {
  return h(
    "li",
    {},
    when(event.at),
    h("span.what", {}, told(event)),
    h("span.actor", {}, event.run_id ? h("a", { href: `#/runs/${event.run_id}` }, "its run") : event.actor),
  );
}

function told({ type, data }) {
  switch (type) {
    case "task.created":
      return "Created";
    case "task.moved":
      return [badge(data.was, "task"), icon("send"), badge(data.status, "task"), data.reason && h("q", {}, data.reason)];
    case "task.assigned":
      return data.agent || data.person ? `Given to ${data.agent ?? data.person}` : "Given to nobody";
    case "task.updated":
      return changed(data.changes);
    default:
      return label(type.split(".")[1]);
  }
}

function changed(changes) {
  const { checklist, depends_on: tie, ...rest } = changes;
  if (tie) return [tie.added ? "Depends on " : "No more depends on ", taskLink(tie.added ?? tie.removed)];
  if (checklist) return `Checklist: ${checklist.filter((item) => item.done).length} of ${count(checklist.length, "item")}`;
  return Object.entries(rest)
    .map(
      ([name, value]) =>
        `${label(name)}: ${value === null ? "none" : short(typeof value === "string" ? value : JSON.stringify(value), 80)}`,
    )
    .join("; ");
}

const taskLink = (id) => h("a", { href: `#/tasks/${id}` }, id);
