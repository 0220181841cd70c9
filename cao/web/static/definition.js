// One definition: what is wrong with it, its graph, what a run takes, and its text.

import { ask, offers } from "./api.js";
import { fill, h, paced } from "./dom.js";
import { openForm } from "./palette.js";
import { badge, button, head, trouble, verbatim, waiting } from "./parts.js";
import { Picture } from "./picture.js";

export class DefinitionPage {
  element = h("article.thing", {}, waiting(6));
  #context;
  #name;
  #project;
  #start;
  #picture = new Picture();
  #refresh = paced(() => this.load(), 250);

  /** project: gives the chosen project; start: begins a run of a definition. */
  constructor(context, name, { project, start }) {
    this.#context = context;
    this.#name = name;
    this.#project = project;
    this.#start = start;
  }

  async load() {
    const which = { definition: this.#name, project: this.#project() };
    try {
      const [found, graph] = await Promise.all([ask("definition.get", which), drawing(which)]);
      this.#show(found, graph, which);
    } catch (problem) {
      if (problem.unreachable) throw problem;
      fill(
        this.element,
        head(this.#name, { back: "#/workflows/definitions" }),
        trouble(problem, () => this.load()),
      );
    }
  }

  take(event) {
    if (event.type.startsWith("definition.") && event.data.name === this.#name) this.#refresh();
  }

  close() {
    this.#refresh = () => {};
  }

  #show(found, graph, which) {
    if (graph) this.#picture.show(graph.text, `The graph of ${found.name}`);
    const faults = [...found.problems, ...found.warnings];
    fill(
      this.element,
      head(found.name, {
        back: "#/workflows/definitions",
        beside: badge(found.valid ? "valid" : "broken"),
        actions: this.#actions(found, which),
      }),
      h(
        "div.panels",
        {},
        faults.length > 0 &&
          h("section.panel", {}, h("h2", {}, found.valid ? "Warnings" : "Problems"), h("ol.faults", {}, faults.map(fault))),
        graph && h("section.panel.drawn", {}, this.#picture.element),
        h("section.panel", {}, h("h2", {}, "Inputs"), inputs(found.inputs)),
        h(
          "section.panel",
          {},
          h("h2", {}, "Text"),
          h("p.places", {}, h("code", {}, found.path)),
          verbatim(found.text, "pre.verbatim.tall"),
        ),
      ),
    );
  }

  #actions(found, which) {
    const edit = () =>
      openForm("definition.put", {
        title: `Edit ${found.name}`,
        values: { ...which, text: found.text, expect_digest: found.digest },
        fixed: ["definition", "project", "directory", "expect_digest"],
        yes: "Save",
      });
    const remove = () =>
      openForm("definition.remove", {
        title: `Remove ${found.name}`,
        values: which,
        fixed: ["definition", "project", "directory"],
        yes: "Remove",
        done: () => this.#context.go("#/workflows/definitions"),
      });
    return [
      found.valid && button("Start", () => this.#start(found.name), { tone: "main", drawn: "runs" }),
      offers("definition.put") && button("Edit", edit),
      offers("definition.remove") && button("Remove", remove, { tone: "quiet" }),
    ];
  }
}

/** The drawing; a text that cannot be read has none. */
async function drawing(which) {
  if (!offers("definition.graph")) return null;
  return ask("definition.graph", { ...which, form: "svg" }).catch((problem) => {
    if (problem.unreachable) throw problem;
    return null;
  });
}

function fault({ line, column, message, hint }) {
  return h(
    "li",
    {},
    h("code", {}, `${line}:${column}`),
    h("span", {}, words(message), hint && h("span.soft", {}, ` ${words(hint)}`)),
  );
}

const words = (text) => text.replaceAll("`", "");

function inputs(schema) {
  const fields = Object.entries(schema.properties ?? {});
  if (!fields.length) return h("p.none", {}, "It takes none.");
  return h(
    "dl.fields",
    {},
    fields.map(([name, { type, description, enum: choices, default: preset }]) => [
      h("dt", {}, h("code", {}, name)),
      h(
        "dd",
        {},
        h("span.tag", {}, type, schema.required?.includes(name) && ", required"),
        description,
        choices && h("span.soft", {}, ` one of ${choices.join(", ")}`),
        preset !== undefined && h("span.soft", {}, ` ${JSON.stringify(preset)} unless given`),
      ),
    ]),
  );
}
