// Elements without markup: a string always becomes text, and nothing on this page parses HTML.

import { clean, distance, moment } from "./text.js";

const SVG = "http://www.w3.org/2000/svg";

/** An element: `h("a.row", { href: "#/runs", onclick: open }, icon, "words")`. Empty children are left out. */
export function h(tag, properties = {}, ...children) {
  const [name, ...classes] = tag.split(".");
  const element = document.createElement(name);
  if (classes.length) element.className = classes.join(" ");
  for (const [key, value] of Object.entries(properties)) set(element, key, value);
  element.append(...nodes(children));
  return element;
}

function set(element, key, value) {
  if (value === undefined || value === null || value === false) return;
  if (key.startsWith("on")) element.addEventListener(key.slice(2), value);
  else if (key === "class") element.classList.add(...value.split(" ").filter(Boolean));
  else if (key === "data") Object.assign(element.dataset, value);
  else if (key === "value" || key === "checked" || key === "selected" || key === "indeterminate") element[key] = value;
  else element.setAttribute(key, value === true ? "" : clean(value));
}

/** Children as nodes: strings as text, lists flattened, nothing for what is empty. */
export function nodes(children) {
  return children
    .flat(Infinity)
    .filter((child) => child !== null && child !== undefined && child !== false && child !== "")
    .map((child) => (child instanceof Node ? child : document.createTextNode(clean(child))));
}

/** Put `children` in the place of what an element holds. */
export function fill(element, ...children) {
  element.replaceChildren(...nodes(children));
  return element;
}

/** The same, and the focus stays on what has the same `data-key` or `data-id`. */
export function refill(element, ...children) {
  const { key, id } = element.contains(document.activeElement) ? document.activeElement.dataset : {};
  fill(element, ...children);
  const [name, value] = key ? ["key", key] : ["id", id];
  if (value) element.querySelector(`[data-${name}="${CSS.escape(value)}"]`)?.focus();
  return element;
}

/** A drawing of stroked paths on a grid of 20. */
export function drawing(paths, properties = {}) {
  const svg = document.createElementNS(SVG, "svg");
  const fixed = { viewBox: "0 0 20 20", class: "icon", "aria-hidden": "true", focusable: "false" };
  for (const [key, value] of Object.entries({ ...fixed, ...properties })) svg.setAttribute(key, value);
  for (const d of paths) {
    const path = document.createElementNS(SVG, "path");
    path.setAttribute("d", d);
    svg.append(path);
  }
  return svg;
}

/** How long ago something was, kept true by `keepTime`. */
export function when(value, properties = {}) {
  if (!value) return null;
  return h("time", { datetime: value, title: moment(value), data: { when: "" }, ...properties }, distance(value));
}

/** Keep all times on the page true. */
export function keepTime() {
  setInterval(() => {
    for (const element of document.querySelectorAll("time[data-when]")) {
      const words = distance(element.dateTime);
      if (element.textContent !== words) element.textContent = words;
    }
  }, 5000);
}

/**
 * Run `work` soon, once for however many asks; never twice at the same time. What goes wrong is told by the event
 * `cao:trouble`; a server that is away is the business of the feed, which has everything loaded again.
 */
export function paced(work, milliseconds = 120) {
  let timer = null;
  let busy = false;
  let again = false;
  const run = async () => {
    timer = null;
    if (busy) {
      again = true;
      return;
    }
    busy = true;
    try {
      await work();
    } catch (problem) {
      if (!problem.unreachable) dispatchEvent(new CustomEvent("cao:trouble", { detail: problem }));
    } finally {
      busy = false;
      if (again) {
        again = false;
        ask();
      }
    }
  };
  const ask = () => {
    timer ??= setTimeout(run, milliseconds);
  };
  return ask;
}
