// One field of a form: its label, its control, its help, and what is wrong with it. What a field may refer to is offered,
// wherever a listing of it exists.

import { ask, offers } from "./api.js";
import { fill, h } from "./dom.js";
import { button } from "./parts.js";
import { textOf, valueOf } from "./schema.js";
import { clean, label } from "./text.js";

let number = 0;

/** What a field is entered with: `{ element, read(), complain(words) }`. */
export function controlOf(field, value) {
  if (field.kind === "record") return new Part(field, value);
  return field.kind === "records" ? new Records(field, value) : new Control(field, value);
}

/** The values of several controls, without those that were left empty. */
function gathered(controls) {
  const entries = controls.map(([name, control]) => [name, control.read()]);
  return Object.fromEntries(entries.filter(([, value]) => value !== undefined));
}

const controlsOf = (fields, values) => fields.map((field) => [field.name, controlOf(field, values?.[field.name])]);

/** A field that is made of fields. */
class Part {
  #controls;
  #required;
  #wrong = h("p.wrong", { role: "alert" });

  constructor(field, value) {
    this.#required = field.required;
    this.#controls = controlsOf(field.inside(), value);
    this.element = h(
      "details.more.part",
      { open: field.required || value !== undefined, data: { field: field.name } },
      h("summary", {}, label(field.name)),
      field.help && h("p.help", {}, field.help.replaceAll("`", "")),
      this.#controls.map(([, control]) => control.element),
      this.#wrong,
    );
  }

  read() {
    const value = gathered(this.#controls);
    return this.#required || Object.keys(value).length ? value : undefined;
  }

  complain(words) {
    fill(this.#wrong, words);
    if (words) this.element.open = true;
  }
}

/** A list of things that are made of fields. */
class Records {
  #field;
  #entries = [];
  #list = h("div.entries", {});
  #wrong = h("p.wrong", { role: "alert" });

  constructor(field, values) {
    this.#field = field;
    for (const value of values ?? (field.required ? [undefined] : [])) this.#add(value);
    this.element = h(
      "div.field.records",
      { role: "group", "aria-label": label(field.name), data: { field: field.name } },
      h("p.title", {}, label(field.name), field.required && h("em", {}, "required")),
      field.help && h("p.help", {}, field.help.replaceAll("`", "")),
      this.#list,
      h(
        "p",
        {},
        button("Add one", () => this.#add().focus(), { tone: "small", drawn: "plus" }),
      ),
      this.#wrong,
    );
  }

  #add(value) {
    const controls = controlsOf(this.#field.inside(), value);
    const entry = h(
      "fieldset.entry",
      {},
      controls.map(([, control]) => control.element),
      button("", () => leave(), { tone: "quiet small", drawn: "cross", "aria-label": "Remove this one" }),
    );
    const leave = () => {
      this.#entries = this.#entries.filter((one) => one !== controls);
      entry.remove();
    };
    this.#entries.push(controls);
    this.#list.append(entry);
    return entry.querySelector("input, select, textarea");
  }

  read() {
    return this.#entries.length ? this.#entries.map(gathered) : undefined;
  }

  complain(words) {
    fill(this.#wrong, words);
  }
}

/** A field with one value. */
class Control {
  #field;
  #input;
  #wrong = h("p.wrong", { role: "alert" });

  constructor(field, value) {
    this.#field = field;
    const id = `field-${(number += 1)}-${field.name}`;
    this.#input = made(field, value, id);
    const title = h("label", { for: id }, label(field.name), field.required && h("em", {}, "required"));
    const help = h("p.help", { id: `${id}-help` }, field.help.replaceAll("`", ""));
    this.#input.setAttribute("aria-describedby", `${id}-help`);
    this.element = h(
      "div.field",
      { class: field.kind, data: { field: field.name } },
      title,
      this.#input,
      suggestions(field, this.#input, id),
      field.help && help,
      this.#wrong,
    );
  }

  read() {
    const input = this.#input;
    const entered =
      input.type === "checkbox"
        ? input.checked
        : input.multiple
          ? [...input.selectedOptions].map((option) => option.value)
          : input.value;
    try {
      return valueOf(this.#field, entered);
    } catch (error) {
      this.complain(error.message);
      throw Object.assign(error, { field: this.#field.name });
    }
  }

  complain(words) {
    fill(this.#wrong, words);
    if (words) this.#input.setAttribute("aria-invalid", "true");
    else this.#input.removeAttribute("aria-invalid");
  }
}

function made(field, value, id) {
  const { kind, wanted, preset, name } = field;
  const common = { id, name, autocomplete: "off", spellcheck: kind === "prose" ? "true" : "false" };
  const hint = preset === undefined || preset === null || typeof preset === "object" ? undefined : clean(preset);
  switch (kind) {
    case "switch":
      if (field.optional)
        return select(
          common,
          [
            ["", "either"],
            ["yes", "yes"],
            ["no", "no"],
          ],
          textOf(field, value),
        );
      return h("input", { ...common, type: "checkbox", checked: value ?? preset ?? false });
    case "choice":
      return select(
        common,
        [...(field.required ? [] : [["", hint ? `${hint} (default)` : "not given"]]), ...wanted.enum.map((one) => [one, one])],
        value ?? "",
      );
    case "several":
      return h(
        "select",
        { ...common, multiple: true, size: Math.min(6, wanted.items.enum.length) },
        wanted.items.enum.map((one) => h("option", { value: one, selected: value?.includes(one) }, one)),
      );
    case "number":
      return h("input", {
        ...common,
        type: "number",
        min: wanted.minimum,
        max: wanted.maximum,
        step: wanted.type === "integer" ? "1" : "any",
        placeholder: hint,
        value: textOf(field, value),
      });
    case "prose":
    case "lines":
    case "pairs":
    case "json":
      return h("textarea", {
        ...common,
        rows: kind === "prose" ? "4" : "2",
        placeholder: { lines: "one on a line", pairs: "name=value, one on a line", json: `JSON, such as ${sampleOf(wanted)}` }[
          kind
        ],
        value: textOf(field, value),
      });
    case "moment":
      return h("input", { ...common, type: "datetime-local", value: textOf(field, value) });
    case "fixed":
      return h("input", { ...common, readonly: true, value: clean(wanted.const) });
    default:
      return h("input", {
        ...common,
        type: kind === "secret" ? "password" : "text",
        maxlength: wanted.maxLength,
        placeholder: hint,
        value: textOf(field, value),
      });
  }
}

const sampleOf = (wanted) => ({ array: '["one", 2]', object: '{"name": "value"}' })[wanted.type] ?? '"text", 1 or null';

function select(common, options, chosen) {
  return h(
    "select",
    common,
    options.map(([value, words]) => h("option", { value, selected: value === chosen }, words)),
  );
}

/** A field that is called as a group with a listing: its things are offered once somebody looks at the field. */
function suggestions(field, input, id) {
  if (field.kind !== "line") return null;
  const list = h("datalist", { id: `${id}-list` });
  if (field.name === "zone")
    fill(
      list,
      Intl.supportedValuesOf("timeZone").map((value) => h("option", { value })),
    );
  else if (!offers(`${field.name}.list`)) return null;
  input.setAttribute("list", list.id);
  if (field.name === "zone") return list;
  input.addEventListener(
    "focus",
    async () => {
      const { items } = await ask(`${field.name}.list`, { limit: 100 }).catch(() => ({ items: [] }));
      fill(
        list,
        items.map((item) =>
          h(
            "option",
            { value: item.name ?? item.id ?? "" },
            item.title ?? item.summary ?? item.description ?? item.state ?? item.status ?? "",
          ),
        ),
      );
    },
    { once: true },
  );
  return list;
}
