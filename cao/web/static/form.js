// A form for any operation, made from its schema. What a field may refer to is offered, wherever a listing of it exists.

import { ask, newKey, offers, streamed } from "./api.js";
import { fill, h } from "./dom.js";
import { button, shown, trouble } from "./parts.js";
import { fieldsOf, textOf, valueOf } from "./schema.js";
import { clean, label } from "./text.js";

const OWN = new Set(["idempotency_key", "dry_run", "cursor"]);
const SHOWN_ITEMS = 200;
let number = 0;

/**
 * The form of an operation (as `operation.get` describes it).
 * values: what is filled in; fixed: fields that are sent as they are; first: the fields to begin with; done: gets the answer.
 */
export function formOf(operation, { values = {}, fixed = [], first = [], yes, done } = {}) {
  const all = fieldsOf(operation.request_schema);
  const previews = all.some((field) => field.name === "dry_run");
  const fields = ordered(
    all.filter((field) => !OWN.has(field.name) && !fixed.includes(field.name)),
    first,
  );
  const controls = new Map(fields.map((field) => [field.name, new Control(field, values[field.name])]));
  const said = h("div.said", {});
  const answer = h("div.answer", {});
  const [main, more] = divided(fields, first);
  const intent = { text: "", key: "" };
  let running = null;

  function collect(extra) {
    const request = {};
    for (const name of fixed) request[name] = values[name];
    for (const [name, control] of controls) request[name] = control.read();
    return { ...request, ...extra };
  }

  /** The same key for the same request: sending it again after a cut does nothing twice. */
  function keyFor(request) {
    if (operation.effect !== "write" && operation.effect !== "destructive") return undefined;
    const text = JSON.stringify(request);
    if (text !== intent.text) Object.assign(intent, { text, key: newKey() });
    return intent.key;
  }

  async function submit(event, extra = {}) {
    event?.preventDefault();
    fill(said);
    for (const control of controls.values()) control.complain("");
    const stop = (running = new AbortController());
    element.classList.add("sending");
    fill(
      said,
      button("Stop", () => stop.abort(), { tone: "quiet small" }),
    );
    try {
      const request = collect(extra);
      const came =
        operation.effect === "stream"
          ? await follow(operation, request, answer, stop.signal)
          : await ask(operation.name, request, { key: keyFor(request), signal: stop.signal });
      fill(said);
      if (extra.dry_run) return fill(answer, h("h3", {}, "What would happen"), shown(came), h("footer", {}, go()));
      intent.text = "";
      if (done && operation.effect !== "stream") await done(came);
      else if (operation.effect !== "stream") fill(answer, h("h3", {}, "Answer"), shown(came));
    } catch (error) {
      fail(error);
    } finally {
      element.classList.remove("sending");
      running = null;
    }
  }

  function fail(error) {
    fill(
      said,
      error.name === "AbortError"
        ? null
        : trouble({ message: error.field ? `${label(error.field)}: ${error.message}` : error.message }),
    );
    for (const one of error.details?.errors ?? []) controls.get(one.pointer.split("/")[1])?.complain(one.message);
  }

  const destructive = operation.effect === "destructive";
  const words = yes ?? { read: "Ask", stream: "Follow" }[operation.effect] ?? label(operation.name.split(".")[1]);
  const go = () => button(words, (event) => submit(event), { tone: destructive ? "danger" : "main", type: "button" });
  const enter = button(previews ? "See what would happen" : words, null, {
    tone: destructive && !previews ? "danger" : "main",
    type: "submit",
  });
  const element = h(
    "form.form",
    {
      novalidate: true,
      onsubmit: (event) => submit(event, previews ? { dry_run: true } : {}),
      data: { operation: operation.name },
    },
    main.map((field) => controls.get(field.name).element),
    more.length
      ? h(
          "details.more",
          { open: main.length === 0 },
          h("summary", {}, `${more.length} more`),
          more.map((field) => controls.get(field.name).element),
        )
      : null,
    said,
    h("footer", {}, enter),
    answer,
  );
  element.addEventListener(
    "keydown",
    (event) => (event.ctrlKey || event.metaKey) && event.key === "Enter" && element.requestSubmit(),
  );
  element.stop = () => running?.abort();
  return element;
}

function ordered(fields, first) {
  const place = ({ name, required }) => (first.includes(name) ? first.indexOf(name) : required ? 100 : 200);
  return [...fields].sort((one, other) => place(one) - place(other));
}

function divided(fields, first) {
  const upFront = (field) => first.includes(field.name) || field.required || (!first.length && fields.length <= 5);
  return [fields.filter(upFront), fields.filter((field) => !upFront(field))];
}

async function follow(operation, request, answer, signal) {
  const list = h("div.list.log", {});
  fill(answer, h("h3", {}, "Items"), list);
  try {
    for await (const item of streamed(operation.name, request, { signal })) {
      if (item.data)
        list.prepend(
          h(
            "details.event",
            {},
            h("summary", {}, h("span.seq", {}, item.seq), h("span.type", {}, item.type)),
            shown(item.data),
          ),
        );
      while (list.childElementCount > SHOWN_ITEMS) list.lastElementChild.remove();
    }
  } catch (error) {
    if (error.name !== "AbortError") throw error;
  }
}

/** One field: its label, its control, its help, and what is wrong with it. */
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
        placeholder: { lines: "one on a line", pairs: "name=value, one on a line", json: "JSON" }[kind],
        value: textOf(field, value),
      });
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
            item.summary ?? item.description ?? item.state ?? item.status ?? "",
          ),
        ),
      );
    },
    { once: true },
  );
  return list;
}
