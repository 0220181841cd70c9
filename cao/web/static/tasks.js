// Tasks: what is to be done, by how it stands, and one of them beside it.

import { ask, offers } from "./api.js";
import { fill, h, paced, when } from "./dom.js";
import { List } from "./list.js";
import { openForm } from "./palette.js";
import { button, choices, empty, head } from "./parts.js";
import { projectChoice } from "./projects.js";
import { Split } from "./split.js";
import { TaskPage } from "./task.js";
import { count } from "./text.js";
import { Wishes } from "./wishes.js";

const GROUPS = [
  ["in-progress", "In progress"],
  ["blocked", "Blocked"],
  ["ready", "Ready"],
  ["on-hold", "On hold"],
  ["backlog", "Backlog"],
  ["done", "Done"],
  ["cancelled", "Cancelled"],
];
const WISHES = "wishes/";
const OVER = ["done", "cancelled"];
const PRIORITIES = ["critical", "high", "medium", "low"];
const MANY = 12; // changed tasks from which all are read again

export function tasks(context, parameters) {
  const board = new Board((row) => split.mark(row));
  const wishes = offers("requirement.list") ? new Wishes(context, (row) => split.mark(row)) : null;
  const beside = h("span.beside", {});
  const body = h("div", {});
  const tabs = choices(
    "Show",
    [
      ["tasks", "Tasks"],
      ["wishes", "Requirements"],
    ],
    parameters.rest[0] === "wishes" ? "wishes" : "tasks",
    (value) => context.go(value === "wishes" ? "#/tasks/wishes" : "#/tasks"),
  );
  const make = () =>
    openForm("task.create", {
      title: "New task",
      values: { status: "ready", project: board.project || undefined },
      first: ["title", "description", "status", "priority"],
      yes: "Create",
      done: (task) => context.go(`#/tasks/${task.id}`),
    });
  const index = h(
    "section.index",
    {},
    head("Tasks", { beside, actions: button("New", make, { tone: "main", drawn: "plus", key: "n" }) }),
    wishes && h("div.bar", {}, tabs),
    body,
  );
  const split = new Split(
    index,
    (reference) =>
      reference.startsWith(WISHES) ? wishes.page(reference.slice(WISHES.length)) : new TaskPage(context, reference),
    () => empty("tasks", "Choose one", "What it says stands here, what it needs, and what happened to it."),
  );
  let shown = null;

  const dirty = new Set();
  const refresh = paced(async () => {
    const ids = [...dirty];
    dirty.clear();
    await Promise.all([tell(), ids.length > MANY ? board.load() : board.take(ids)]);
  }, 250);

  async function tell() {
    const stats = await ask("task.stats", board.scope);
    board.count(stats.status);
    const said = [stats.overdue && `${stats.overdue} overdue`, stats.waiting && `${stats.waiting} waiting for others`];
    fill(beside, said.filter(Boolean).join(" \u00b7 ") || count(stats.total, "task"));
  }

  async function move({ rest }) {
    const wanted = wishes && rest[0] === "wishes" ? wishes : board;
    if (shown !== wanted) {
      shown = wanted;
      fill(body, wanted.element);
      await Promise.all([wanted.load(), tell()]);
    }
    tabs.querySelector(`[value=${wanted === board ? "tasks" : "wishes"}]`).checked = true;
    await split.move(wanted === board ? (rest[0] ?? null) : rest[1] ? WISHES + rest[1] : null);
  }

  return {
    title: "Tasks",
    element: split.element,
    move,
    async load() {
      await Promise.all([shown?.load(), shown && tell(), split.open?.load()]);
      if (!shown) await move(parameters);
    },
    take(event) {
      split.open?.take(event);
      wishes?.take(event);
      if (!event.type.startsWith("task.")) return;
      dirty.add(event.data.task_id);
      refresh();
    },
    keys: { n: make },
    close() {
      board.close();
      wishes?.close();
      split.open?.close();
    },
  };
}

/** The tasks in groups. */
class Board {
  project = "";
  element;
  #priority = "";
  #words = "";
  #groups;

  constructor(marked) {
    this.#groups = GROUPS.map(
      ([status, title]) =>
        new Group(
          status,
          title,
          (task) => marked(row(task)),
          () => this.#filter(),
        ),
    );
    const search = h("input", {
      type: "search",
      placeholder: "Find",
      "aria-label": "Find by title, label or assignee",
      oninput: () => {
        this.#words = search.value.trim().toLowerCase();
        this.#filter();
      },
    });
    const priority = picker("Priority", [["", "Any priority"], ...PRIORITIES.map((one) => [one, one])], (value) => {
      this.#priority = value;
      this.load();
    });
    const project = projectChoice("All projects", (value) => {
      this.project = value;
      this.load();
    });
    const bar = h("div.bar", {}, search, priority, project);
    this.element = h(
      "div.board",
      {},
      bar,
      this.#groups.map((group) => group.element),
    );
  }

  /** The project that is shown, as requests say it. */
  get scope() {
    return this.project ? { project: this.project } : { everywhere: true };
  }

  get #fields() {
    return { ...this.scope, priority: this.#priority || undefined };
  }

  async load() {
    await Promise.all(this.#groups.map((group) => group.load(this.#fields)));
    this.#filter();
  }

  /** Read some tasks again. */
  async take(ids) {
    const found = await Promise.all(ids.map((task) => ask("task.get", { task }).catch(() => ({ id: task, status: null }))));
    for (const task of found) for (const group of this.#groups) group.take(task, this.#fits(task));
    this.#filter();
  }

  count(numbers) {
    for (const group of this.#groups) group.count(this.#priority ? null : (numbers[group.status] ?? 0));
  }

  close() {
    for (const group of this.#groups) group.close();
  }

  #fits(task) {
    return (!this.project || task.project_id === this.project) && (!this.#priority || task.priority === this.#priority);
  }

  #filter() {
    for (const group of this.#groups) group.filter(this.#words);
  }
}

/** The tasks of one status. Those that are over are read once somebody looks. */
class Group {
  element;
  #list;
  #number = h("span.number", {});
  #fields = null;

  constructor(status, title, row, filled) {
    this.status = status;
    this.#list = new List("task.list", row, { blank: () => h("p.none", {}, "None.") });
    this.element = h(
      "details.kin",
      { open: !OVER.includes(status), hidden: true, data: { status } },
      h("summary", {}, title, this.#number),
      this.#list.element,
    );
    this.element.addEventListener("toggle", async () => {
      if (!this.element.open || this.#list.rows.size || !this.#fields) return;
      await this.#list.load({ ...this.#fields, status });
      filled();
    });
  }

  async load(fields) {
    this.#fields = fields;
    if (this.element.open) await this.#list.load({ ...fields, status: this.status });
  }

  take(task, fits) {
    if (task.status !== this.status || !fits) this.#list.drop(task.id);
    else if (this.element.open) this.#list.put(task);
  }

  /** number: how many there are; null where only what was read is known. */
  count(number) {
    fill(this.#number, number ?? this.#list.rows.size);
    this.element.hidden = number === 0;
  }

  filter(words) {
    for (const row of this.#list.rows.values()) row.hidden = !row.dataset.words.includes(words);
  }

  close() {
    this.#list.close();
  }
}

function picker(name, options, onchange) {
  const select = h(
    "select",
    { "aria-label": name, onchange: () => onchange(select.value) },
    options.map(([value, words]) => h("option", { value }, words)),
  );
  return select;
}

function row(task) {
  const done = task.checklist.filter((item) => item.done).length;
  const whom = task.agent ?? task.person;
  const late = task.deadline && !OVER.includes(task.status) && new Date(task.deadline) < new Date();
  return h(
    "a.row.task",
    {
      href: `#/tasks/${task.id}`,
      data: { row: "", id: task.id, words: [task.title, whom, ...task.labels].join(" ").toLowerCase() },
    },
    h("span.name", {}, task.title),
    ["critical", "high"].includes(task.priority) && h("span.urgency", { class: task.priority }, task.priority),
    h(
      "span.detail-line",
      {},
      task.blocked_reason ??
        [task.kind, whom, task.checklist.length && `${done} of ${task.checklist.length}`].filter(Boolean).join(" \u00b7 "),
      task.labels.map((label) => h("span.tag", {}, label)),
    ),
    task.deadline && when(task.deadline, { class: late ? "late" : "", "aria-label": `due ${task.deadline}` }),
  );
}
