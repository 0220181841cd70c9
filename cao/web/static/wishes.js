// Requirements and the vision: what the project wants, and the tasks that come of it.

import { offers } from "./api.js";
import { h, paced } from "./dom.js";
import { icon } from "./icons.js";
import { List } from "./list.js";
import { openForm } from "./palette.js";
import { badge, button, empty } from "./parts.js";
import { count } from "./text.js";
import { VisionPage, WishPage } from "./wish.js";

const VISION = "vision";

export class Wishes {
  element;
  #context;
  #list;
  #refresh = paced(() => this.load(), 300);

  /** marked: marks the row of what is shown. */
  constructor(context, marked) {
    this.#context = context;
    this.#list = new List("requirement.list", (one) => marked(row(one)), {
      blank: () => empty("plan", "No requirements", "What the project wants, from which tasks are made."),
    });
    const add = () =>
      openForm("requirement.create", {
        title: "New requirement",
        first: ["title", "body", "priority", "acceptance"],
        yes: "Create",
        done: (made) => context.go(`#/tasks/wishes/${made.id}`),
      });
    this.element = h(
      "div.wishes",
      {},
      h("div.bar", {}, button("New requirement", add, { tone: "small", drawn: "plus" })),
      offers("vision.get") && link(VISION, icon("info"), "The vision"),
      this.#list.element,
    );
  }

  /** The page of a requirement, or of the vision. */
  page(reference) {
    return reference === VISION ? new VisionPage() : new WishPage(this.#context, reference);
  }

  load() {
    return this.#list.load({ everywhere: true });
  }

  take(event) {
    if (/^(requirement|refinement)\./.test(event.type)) this.#refresh();
  }

  close() {
    this.#list.close();
  }
}

const link = (id, ...words) =>
  h("a.row.wish", { href: `#/tasks/wishes/${id}`, data: { row: "", id: `wishes/${id}` } }, h("span.name", {}, words));

function row(one) {
  const element = link(one.id, one.title);
  element.append(badge(one.status), h("span.detail-line", {}, `${one.priority} \u00b7 ${count(one.task_ids.length, "task")}`));
  return element;
}
