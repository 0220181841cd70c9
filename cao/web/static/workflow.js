// One run of a workflow: its graph, who waits, each attempt at each phase, and what can be done about it.

import { ask, listed, offers } from "./api.js";
import { approvalCard } from "./approval.js";
import { change } from "./change.js";
import { fill, h, paced, refill, when } from "./dom.js";
import { openForm } from "./palette.js";
import { badge, button, head, shown, trouble, waiting } from "./parts.js";
import { phasesOf, progress } from "./phases.js";
import { Picture } from "./picture.js";
import { Steps } from "./steps.js";
import { span } from "./text.js";

const FINAL = ["completed", "failed", "cancelled"];

export class WorkflowPage {
  element = h("article.thing", {}, waiting(6));
  #context;
  #id;
  #run = null;
  #phases = null;
  #early = false; // something happened while the page was being read
  #head = h("div", {});
  #gates = h("div.gates", {});
  #cards = new Map();
  #picture = new Picture();
  #steps = new Steps();
  #facts = h("div", {});
  #refresh = paced(() => this.load(), 200);

  constructor(context, id) {
    this.#context = context;
    this.#id = id;
  }

  async load() {
    try {
      const [run, graph] = await Promise.all([ask("workflow.get", { run: this.#id }), this.#draw()]);
      const session = { session: run.session_id, state: "pending" };
      const pending = FINAL.includes(run.state) ? [] : await listed("approval.list", session, 50);
      this.#phases = await phasesOf(run);
      if (!this.#run) this.#build();
      this.#run = run;
      this.#show(pending.reverse(), graph);
      if (this.#early) this.#refresh();
      this.#early = false;
    } catch (problem) {
      if (problem.unreachable && this.#run) throw problem;
      this.#run = null;
      fill(
        this.element,
        head("Workflow", { back: "#/workflows" }),
        trouble(problem, () => this.load()),
      );
    }
  }

  take(event) {
    if (!/^(workflow|phase|run|approval|checkpoint)\./.test(event.type)) return;
    if (!this.#run) this.#early = true;
    else if (event.run_id === this.#id || event.session_id === this.#run.session_id) this.#refresh();
  }

  /** Answer the oldest question. */
  decide(decision) {
    (document.activeElement?.closest(".approval") ?? this.#gates.querySelector(".approval[data-state=pending]"))?.decide(
      decision,
    );
  }

  close() {
    this.#refresh = () => {};
  }

  /** The drawing; a run whose definition cannot be drawn has none. */
  async #draw() {
    if (!offers("workflow.graph")) return null;
    return ask("workflow.graph", { run: this.#id, form: "svg" }).catch((problem) => {
      if (problem.code === "invalid_input") return null;
      throw problem;
    });
  }

  #build() {
    fill(
      this.element,
      this.#head,
      this.#gates,
      h(
        "div.panels",
        {},
        h("section.panel.drawn", {}, this.#picture.element),
        h("section.panel", {}, h("h2", {}, "Phases"), this.#steps.element),
        h("section.panel", {}, this.#facts),
      ),
    );
  }

  #show(pending, graph) {
    const run = this.#run;
    const beside = [badge(run.state), h("span.beside", {}, this.#progress())];
    refill(
      this.#head,
      head(run.definition, { back: "#/workflows", beside, actions: this.#actions() }),
      run.failure && h("p.failure", {}, h("code", {}, run.failure.code), " ", run.failure.message),
    );
    this.#ask(pending);
    this.#picture.element.parentElement.hidden = !graph;
    if (graph) this.#picture.show(graph.text, `${run.definition}: ${this.#progress()}`);
    this.#steps.show(run.steps, run.session_id);
    refill(this.#facts, this.#record());
  }

  #progress() {
    const { steps, used } = this.#run;
    return `${progress(steps, this.#phases)} \u00b7 worked ${span(used.seconds)}`;
  }

  /** The questions, each with its own card that stays as long as it waits. */
  #ask(pending) {
    for (const id of this.#cards.keys()) if (!pending.some((one) => one.id === id)) this.#cards.delete(id);
    for (const one of pending) if (!this.#cards.has(one.id)) this.#cards.set(one.id, approvalCard(one));
    const cards = [...this.#cards.values()];
    const same = cards.length === this.#gates.childElementCount && cards.every((card, at) => card === this.#gates.children[at]);
    if (!same) this.#gates.replaceChildren(...cards);
  }

  #actions() {
    const { state, session_id: session, id: run } = this.#run;
    const over = FINAL.includes(state);
    const form = (name, words, first, options = {}) => {
      const open = () =>
        openForm(name, {
          title: `${words} ${this.#run.definition}`,
          values: { run },
          fixed: ["run"],
          first,
          yes: words,
          ...options,
        });
      return offers(name) && button(first.length ? `${words}\u2026` : words, open, { ...options, "data-key": name });
    };
    return [
      state === "paused" && form("workflow.resume", "Resume", ["feedback"], { tone: "main", drawn: "runs" }),
      !over &&
        state !== "paused" &&
        button("Pause", () => change("workflow.pause", { run }, "No further phase begins"), {
          drawn: "pause",
          "data-key": "pause",
        }),
      over &&
        form("workflow.retry", "Retry", ["phase"], {
          drawn: "again",
          done: (fresh) => this.#context.go(`#/workflows/${fresh.id}`),
        }),
      h("a.button", { href: `#/sessions/${session}` }, "Its session"),
      !over && form("workflow.cancel", "Cancel", ["reason"], { tone: "quiet" }),
      over && form("workflow.delete", "Delete", [], { tone: "quiet", done: () => this.#context.go("#/workflows") }),
    ];
  }

  #record() {
    const {
      inputs,
      outputs,
      used,
      directory,
      branch,
      feedback,
      digest,
      labels,
      retried_from: before,
      created_at: at,
    } = this.#run;
    const { seconds, ...spent } = used;
    const nonzero = Object.fromEntries(Object.entries(spent).filter(([, value]) => value));
    const some = (value) => value && Object.keys(value).length > 0;
    return [
      some(outputs) && [h("h3", {}, "Outputs"), shown(outputs)],
      some(inputs) && [h("h3", {}, "Inputs"), shown(inputs)],
      h("h3", {}, "Record"),
      h("p.outcome", {}, "Started ", when(at), before && [", again from ", h("a", { href: `#/workflows/${before}` }, before)]),
      shown({
        run: this.#id,
        directory,
        branch: branch ?? undefined,
        ...nonzero,
        ...(feedback ? { feedback } : {}),
        ...(some(labels) ? { labels } : {}),
        digest,
      }),
    ];
  }
}
