// The steps of a workflow's run: each attempt at each phase, how it was decided, and what it gave.

import { h, when } from "./dom.js";
import { badge, shown, verbatim } from "./parts.js";
import { label, short, span } from "./text.js";

/** The list of a run's steps; those that did not change keep their rows, open as they are. */
export class Steps {
  element = h("div.steps", {});
  #rows = new Map();

  show(steps, session) {
    const rows = new Map();
    for (const step of steps) {
      const said = JSON.stringify(step);
      const known = this.#rows.get(step.n);
      if (known?.said === said) rows.set(step.n, known);
      else rows.set(step.n, { said, element: row(step, session, known?.element.open) });
    }
    const fresh = [...rows.values()].map((one) => one.element);
    const same = this.element.childElementCount === fresh.length && fresh.every((one, at) => one === this.element.children[at]);
    if (!same) this.element.replaceChildren(...fresh);
    this.#rows = rows;
  }
}

function row(step, session, open = false) {
  const { decision, failure } = step;
  const depth = step.path.split(/[/[]/).length - 1;
  const element = h(
    "details.step",
    { open, data: { path: step.path, attempt: step.attempt, state: step.state } },
    h(
      "summary",
      { data: { row: "" } },
      h("span.path", {}, step.path, step.attempt > 1 && h("span.soft", {}, ` \u00d7 ${step.attempt}`)),
      badge(decision ? decision.verdict : step.state),
      h("span.detail-line", {}, reason(step)),
      step.settled_at ? h("time", {}, took(step)) : when(step.started_at),
    ),
    h(
      "div.inside",
      {},
      decided(step),
      failure && h("p.failure", {}, h("code", {}, failure.code), " ", failure.message),
      gave(step.output),
      places(step, session),
    ),
  );
  element.style.setProperty("--depth", String(depth));
  return element;
}

/** Its kind and the words of whoever decided, or what it waits for. */
function reason({ kind, decision, failure }) {
  const words = failure?.message ?? decision?.reason;
  return [kind, words && short(words, 140)].filter(Boolean).join(" \u00b7 ");
}

const took = (step) => span((new Date(step.settled_at) - new Date(step.started_at)) / 1000);

function decided({ decision }) {
  if (!decision) return null;
  const { by, confidence, risk, evidence } = decision;
  const facts = { decided_by: by, confidence: confidence === null ? undefined : `${Math.round(confidence * 100)} %`, risk };
  const known = Object.fromEntries(Object.entries(facts).filter(([, value]) => value !== undefined && value !== null));
  return [
    decision.reason && verbatim(decision.reason, "pre.prose"),
    shown(known),
    evidence.length > 0 && [h("h3", {}, "Evidence"), h("ul.evidence", {}, evidence.map(proof))],
  ];
}

function proof({ kind, description, file, value }) {
  return h(
    "li",
    {},
    h("span.tag", {}, kind),
    description,
    file && [" ", h("code", {}, file)],
    value !== null && value !== undefined && [" ", h("code", {}, short(JSON.stringify(value), 200))],
  );
}

function gave({ text, json, items, ...rest }) {
  const parts = Object.entries({ text, json, items, ...rest }).filter(
    ([, value]) => value !== undefined && value !== null && value !== "",
  );
  return parts.map(([name, value]) => [
    h("h3", {}, name === "text" ? "Output" : `Output: ${label(name)}`),
    typeof value === "string" ? verbatim(value) : shown(value),
  ]);
}

function places({ terminal_id: terminal, turn_run_id: run, directory, branch }, session) {
  const links = [
    terminal && h("a", { href: `#/sessions/${session}` }, "What its agent said"),
    run && h("a", { href: `#/runs/${run}` }, "Its turn"),
    branch && ["Branch ", h("code", {}, branch)],
    directory && ["In ", h("code", {}, directory)],
  ].filter(Boolean);
  return links.length
    ? h(
        "p.places",
        {},
        links.map((link) => h("span", {}, link)),
      )
    : null;
}
