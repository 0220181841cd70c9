// Everything that can be asked, one key away. Operations come from the registry, so a new one is here by itself.

import { describe, listed, offered } from "./api.js";
import { open, say } from "./dialog.js";
import { fill, h } from "./dom.js";
import { formOf } from "./form.js";
import { icon } from "./icons.js";
import { trouble, waiting } from "./parts.js";

const FOUND = 60;

/** A dialog with the form of one operation. Resolves when it is closed. */
export async function openForm(name, { title, done, values, ...options } = {}) {
  const body = h("div", {}, waiting(5));
  const dialog = open(title ?? name, body, { wide: true, class: "operation" });
  try {
    const operation = await describe(name);
    const finish = done
      ? async (answer) => {
          await done(answer);
          dialog.finish(answer);
        }
      : title
        ? async (answer) => {
            say("Done", "good");
            dialog.finish(answer);
          }
        : undefined;
    const form = formOf(operation, { ...options, values, done: finish });
    fill(body, title ? null : about(operation), form);
    dialog.addEventListener("close", () => form.stop());
    form.querySelector("input:not([type=checkbox]), textarea, select")?.focus();
  } catch (problem) {
    fill(body, trouble(problem));
  }
  return dialog.closed;
}

function about(operation) {
  const rest = operation.help.split("\n").slice(1).join("\n").trim();
  return h(
    "div.about",
    {},
    h("p", {}, operation.summary.replaceAll("`", "")),
    rest && h("p.soft", {}, rest.replaceAll("`", "")),
    h(
      "p.facts",
      {},
      effectMark(operation.effect),
      h("code", {}, `${operation.method} ${operation.path}`),
      h("code", {}, operation.scope),
    ),
  );
}

const effectMark = (effect) => h("span.effect", { class: effect }, effect);

export class Palette {
  #screens;
  #context;

  constructor(screens, context) {
    this.#screens = screens;
    this.#context = context;
  }

  /** Show it; what is chosen is done. */
  open() {
    if (document.querySelector("dialog.palette")) return;
    const list = h("div.found", { role: "listbox", id: "palette-found", "aria-label": "Found" });
    const field = h("input", {
      type: "search",
      placeholder: "Go somewhere, find a session, call an operation\u2026",
      "aria-label": "Find",
      autocomplete: "off",
      spellcheck: "false",
      role: "combobox",
      "aria-expanded": "true",
      "aria-controls": "palette-found",
    });
    const dialog = open("Command palette", [h("div.find", {}, icon("search"), field), list], { class: "palette" });
    let chosen = 0;
    let sessions = [];

    const mark = () => {
      const entries = [...list.querySelectorAll("button")];
      entries.forEach((one, at) => {
        one.id = `palette-entry-${at}`;
        one.setAttribute("aria-selected", at === chosen);
      });
      field.setAttribute("aria-activedescendant", entries[chosen]?.id ?? "");
      entries[chosen]?.scrollIntoView({ block: "nearest" });
    };
    const draw = () => {
      const found = this.#find(field.value, sessions);
      fill(
        list,
        sections(found, (entry) => {
          dialog.close();
          entry.act();
        }),
      );
      chosen = 0;
      mark();
    };
    field.addEventListener("input", draw);
    field.addEventListener("keydown", (event) => {
      const buttons = list.querySelectorAll("button");
      const by = { ArrowDown: 1, ArrowUp: -1 }[event.key];
      if (by && buttons.length) chosen = (chosen + by + buttons.length) % buttons.length;
      else if (event.key === "Enter") buttons[chosen]?.click();
      else return;
      event.preventDefault();
      mark();
    });
    listed("session.list", { status: "open" }, 200).then(
      (items) => {
        sessions = items;
        if (field.value) draw();
      },
      () => {},
    );
    draw();
    field.focus();
  }

  #find(text, sessions) {
    const words = text
      .toLowerCase()
      .split(/[\s.]+/)
      .filter(Boolean);
    const entries = [...this.#places(), ...(words.length ? this.#sessions(sessions) : []), ...this.#operations()];
    return entries
      .map((entry) => ({ entry, rank: rank(entry, words) }))
      .filter(({ rank }) => rank > 0)
      .sort((one, other) => other.rank - one.rank || one.entry.order - other.entry.order)
      .map(({ entry }) => entry)
      .slice(0, words.length ? FOUND : Infinity);
  }

  #places() {
    return this.#screens.map((screen, order) => ({
      section: "Go to",
      drawn: screen.name,
      name: screen.words,
      words: "",
      order,
      act: () => this.#context.go(`#/${screen.name}`),
    }));
  }

  #sessions(items) {
    return items.map((session, order) => ({
      section: "Sessions",
      drawn: "sessions",
      name: session.name,
      words: session.terminals[0]?.profile ?? "",
      order: 100 + order,
      act: () => this.#context.go(`#/sessions/${session.id}`),
    }));
  }

  #operations() {
    return offered().map((operation, order) => ({
      section: "Call",
      drawn: "command",
      name: operation.name,
      words: operation.summary.replaceAll("`", ""),
      effect: operation.effect,
      order: 1000 + order,
      act: () => openForm(operation.name),
    }));
  }
}

/** How well an entry fits; 0 is not at all. Names count more than words about them. */
function rank({ name, words }, asked) {
  let sum = 1;
  for (const one of asked) {
    const low = name.toLowerCase();
    if (low.startsWith(one)) sum += 6;
    else if (new RegExp(`[._ -]${one.replace(/\W/g, "\\$&")}`).test(low)) sum += 4;
    else if (low.includes(one)) sum += 2;
    else if (words.toLowerCase().includes(one)) sum += 1;
    else return 0;
  }
  return sum;
}

function sections(entries, choose) {
  const names = [...new Set(entries.map((entry) => entry.section))];
  if (!names.length) return h("p.none", {}, "Nothing of that name.");
  return names.map((name) => [
    h("h3", {}, name),
    entries
      .filter((entry) => entry.section === name)
      .map((entry) =>
        h(
          "button",
          { type: "button", role: "option", tabindex: "-1", onclick: () => choose(entry), data: { entry: entry.name } },
          icon(entry.drawn),
          h("b", {}, entry.name),
          h("span", {}, entry.words),
          entry.effect && entry.effect !== "read" && effectMark(entry.effect),
        ),
      ),
  ]);
}
