// A form for any operation, made from its schema.

import { ask, newKey, streamed } from "./api.js";
import { controlOf } from "./control.js";
import { fill, h } from "./dom.js";
import { button, shown, trouble } from "./parts.js";
import { fieldsOf } from "./schema.js";
import { label } from "./text.js";

const OWN = new Set(["idempotency_key", "dry_run", "cursor"]);
const SHOWN_ITEMS = 200;

/**
 * The form of an operation (as `operation.get` describes it).
 * values: what is filled in; fixed: fields that are sent as they are; first: the fields to begin with; done: gets the answer;
 * shaped: makes the request of what was entered, where that is not the request itself.
 */
export function formOf(operation, { values = {}, fixed = [], first = [], yes, done, shaped } = {}) {
  const all = fieldsOf(operation.request_schema);
  const previews = !shaped && all.some((field) => field.name === "dry_run");
  const fields = ordered(
    all.filter((field) => (shaped || !OWN.has(field.name)) && !fixed.includes(field.name)),
    first,
  );
  const controls = new Map(fields.map((field) => [field.name, controlOf(field, values[field.name])]));
  const said = h("div.said", {});
  const answer = h("div.answer", {});
  const [main, more] = divided(fields, first);
  const intent = { text: "", key: "" };
  let running = null;

  function collect(extra) {
    const request = {};
    for (const name of fixed) request[name] = values[name];
    for (const [name, control] of controls) request[name] = control.read();
    return { ...(shaped?.(request) ?? request), ...extra };
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
    for (const one of error.details?.errors ?? [])
      controls.get(one.pointer.split("/").find((part) => controls.has(part)))?.complain(one.message);
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
