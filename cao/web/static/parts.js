// Small pieces that screens are made of.

import { fill, h } from "./dom.js";
import { icon, look } from "./icons.js";
import { clean, label, short } from "./text.js";

/** A state: drawing, colour and word. of: whose state, where others have one of the same name. */
export function badge(state, of) {
  const { drawn, tone, word } = look(state, of);
  return h(
    "span.badge",
    { class: tone, data: { state } },
    icon(drawn, drawn === "spin" ? { class: "icon turning" } : {}),
    word,
  );
}

/** A button; `tone` is `main`, `danger`, `quiet` or nothing. */
export function button(words, onclick, { tone = "", drawn, key, ...properties } = {}) {
  return h(
    "button.button",
    { type: "button", class: tone, onclick, ...properties },
    drawn && icon(drawn),
    words,
    key && h("kbd", {}, key),
  );
}

/** What a screen shows where it has nothing. */
export function empty(drawn, title, ...words) {
  return h("div.empty", {}, icon(drawn), h("h2", {}, title), words.length ? h("p", {}, words) : null);
}

/** The head of a screen: its name, what belongs beside it, and what can be done. */
export function head(title, { beside, actions, back } = {}) {
  return h(
    "header.head",
    {},
    back && h("a.back", { href: back, "aria-label": "Back" }, icon("back")),
    h("div.title", {}, h("h1", {}, title), beside),
    h("div.actions", {}, actions),
  );
}

/** Choices that exclude each other: `[[value, words], …]`. */
export function choices(name, options, chosen, onchange) {
  const bar = h("div.choices", { role: "radiogroup", "aria-label": name });
  for (const [value, words] of options) {
    const input = h("input", {
      type: "radio",
      name: `choice-${name}`,
      value,
      checked: value === chosen,
      onchange: () => onchange(value),
    });
    bar.append(h("label", {}, input, h("span", {}, words)));
  }
  return bar;
}

const LONG = 4000;

/** Text as it was written, cut where it is very long. */
export function verbatim(text, tag = "pre.verbatim") {
  const whole = clean(text);
  if (whole.length <= LONG) return h(tag, { tabindex: "0" }, whole);
  const block = h(tag, { tabindex: "0" }, whole.slice(0, LONG));
  const more = button(
    `Show all ${whole.length.toLocaleString()} characters`,
    () => {
      fill(block, whole);
      more.remove();
    },
    { tone: "quiet small" },
  );
  return h("div", {}, block, more);
}

const DEPTH = 6;

/** Any JSON as something to read: fields as a list, lists of records as a table. */
export function shown(value, depth = 0) {
  if (value === null || value === undefined || value === "") return h("span.none", {}, "\u2013");
  if (typeof value === "boolean") return h("span", {}, value ? "yes" : "no");
  if (typeof value === "number") return h("span.number", {}, String(value));
  if (typeof value === "string") return words(value);
  if (depth >= DEPTH) return verbatim(JSON.stringify(value, null, 2));
  if (Array.isArray(value)) return several(value, depth);
  return fields(value, depth);
}

function words(text) {
  if (/^\d{4}-\d\d-\d\dT[\d:.]+(Z|[+-]\d\d:\d\d)$/.test(text))
    return h("time", { datetime: text, title: text }, new Date(text).toLocaleString());
  return text.includes("\n") || text.length > 160 ? verbatim(text) : h("span", {}, text);
}

function fields(value, depth) {
  const entries = Object.entries(value);
  if (!entries.length) return h("span.none", {}, "\u2013");
  return h(
    "dl.fields",
    {},
    entries.map(([key, one]) => [h("dt", {}, label(key)), h("dd", {}, shown(one, depth + 1))]),
  );
}

function several(items, depth) {
  if (!items.length) return h("span.none", {}, "none");
  const records = items.every((item) => item && typeof item === "object" && !Array.isArray(item));
  if (!records)
    return h(
      "ul.plain",
      {},
      items.slice(0, 200).map((item) => h("li", {}, shown(item, depth + 1))),
    );
  const columns = [...new Set(items.flatMap((item) => Object.keys(item)))]
    .filter((key) => items.some((item) => scalar(item[key])))
    .slice(0, 7);
  const rows = items.slice(0, 200).map((item) =>
    h(
      "tr",
      {},
      columns.map((key) => h("td", {}, scalar(item[key]) ? short(cell(item[key]), 80) : "\u2026")),
    ),
  );
  return h(
    "div.scroll",
    {},
    h(
      "table",
      {},
      h(
        "thead",
        {},
        h(
          "tr",
          {},
          columns.map((key) => h("th", { scope: "col" }, label(key))),
        ),
      ),
      h("tbody", {}, rows),
    ),
  );
}

const scalar = (value) => value === null || value === undefined || typeof value !== "object";
const cell = (value) => (value === null || value === undefined ? "\u2013" : value);

/** What went wrong, with the way out that the server names. */
export function trouble(problem, again) {
  return h(
    "div.trouble",
    { role: "alert" },
    icon("warn"),
    h("p", {}, clean(problem.message ?? problem)),
    again && button("Try again", again, { tone: "small" }),
  );
}

/** Grey bars while something is on its way. */
export function waiting(lines = 4) {
  return h(
    "div.waiting",
    { "aria-busy": "true", "aria-label": "Loading" },
    Array.from({ length: lines }, () => h("i", {})),
  );
}
