// How a story looks. A turn is drawn once and then only grows, so what somebody unfolded stays unfolded.

import { approvalCard } from "./approval.js";
import { fill, h, when } from "./dom.js";
import { icon } from "./icons.js";
import { face } from "./names.js";
import { badge, button, shown, verbatim } from "./parts.js";
import { clean, clock, short, span } from "./text.js";

export class StoryView {
  element = h("div.story", {});
  #views = new Map();
  #story;

  constructor(story) {
    this.#story = story;
    story.addEventListener("change", ({ detail }) => this.#changed(detail));
    story.addEventListener("rebuilt", () => this.draw());
    story.addEventListener("record", ({ detail }) => this.#completed(detail));
    this.draw();
  }

  /** Everything anew. */
  draw() {
    this.#views.clear();
    fill(
      this.element,
      this.#story.blocks.map((block) => this.#view(block).element),
    );
  }

  #view(block) {
    const view = block.note ? { element: note(block, this.#story), update() {} } : new TurnView(block, this.#story);
    this.#views.set(block.id, view);
    return view;
  }

  #changed(block) {
    const view = this.#views.get(block.id);
    if (view) view.update();
    else this.element.append(this.#view(block).element);
  }

  #completed(id) {
    for (const view of this.#views.values()) view.complete?.(id);
  }
}

function note(block, story) {
  const words =
    block.note === "joined" ? ["joined as ", h("b", {}, block.data.profile), ` over ${block.data.provider}`] : "left";
  return h(
    "p.chapter",
    {},
    face(block.data.name, story.placeOf(block.terminal)),
    h("b", {}, block.data.name),
    " ",
    words,
    " ",
    h("time", { datetime: block.at }, clock(block.at)),
  );
}

class TurnView {
  #turn;
  #story;
  #head = h("header", {});
  #mail = h("div.mail", {});
  #parts = h("div.parts", {});
  #drawn = [];
  #end = h("footer", {});
  #mailDrawn = "";

  constructor(turn, story) {
    this.#turn = turn;
    this.#story = story;
    this.element = h(
      "article.turn",
      { data: { row: "", turn: turn.id }, tabindex: "-1" },
      this.#head,
      this.#mail,
      this.#parts,
      this.#end,
    );
    this.update();
  }

  update() {
    const turn = this.#turn;
    const name = this.#story.nameOf(turn.terminal);
    const state = this.#asks() ? "waiting" : turn.state;
    this.element.dataset.state = state;
    fill(
      this.#head,
      face(name, this.#story.placeOf(turn.terminal)),
      h("b", {}, name),
      badge(state),
      h("time", { datetime: turn.at, title: clean(turn.at) }, clock(turn.at)),
    );
    this.#drawMail();
    this.#drawParts();
    fill(this.#end, this.#outcome());
  }

  #asks() {
    return (
      this.#turn.state === "running" &&
      this.#turn.parts.some((part) => part.kind === "approval" && this.#story.approvals.get(part.id)?.state === "pending")
    );
  }

  /** A message or an approval is known in full now. */
  complete(id) {
    if (this.#turn.mail.includes(id)) {
      this.#mailDrawn = "";
      this.#drawMail();
    }
    const record = this.#story.approvals.get(id);
    this.#turn.parts.forEach((part, at) => {
      if (part.id !== id || !record) return;
      if (this.#drawn[at]?.update) this.#drawn[at].update(record);
      else this.#redraw(at);
      this.update();
    });
  }

  #drawMail() {
    const mail = this.#turn.mail.map((id) => this.#story.messages.get(id)).filter(Boolean);
    const key = mail.map((message) => message.id).join();
    if (key === this.#mailDrawn) return;
    this.#mailDrawn = key;
    fill(
      this.#mail,
      mail.map((message) => letter(message, this.#story)),
    );
  }

  #drawParts() {
    const { parts } = this.#turn;
    for (let at = this.#drawn.length; at < parts.length; at += 1) {
      this.#drawn.push(this.#part(parts[at]));
      this.#parts.append(this.#drawn[at]);
      parts[at].grown = false;
    }
    const last = parts.at(-1);
    if (last?.grown) {
      last.grown = false;
      this.#redraw(parts.length - 1);
    }
  }

  #redraw(at) {
    const old = this.#drawn[at];
    this.#drawn[at] = this.#part(this.#turn.parts[at]);
    if (old instanceof HTMLDetailsElement) this.#drawn[at].open = old.open;
    old.replaceWith(this.#drawn[at]);
  }

  #part(part) {
    if (part.kind !== "approval") return drawn(part);
    const record = this.#story.approvals.get(part.id);
    return record ? approvalCard(record) : h("p.step", {}, icon("ask"), "asks to go on");
  }

  #outcome() {
    const { state, failure, at, until } = this.#turn;
    if (failure) return h("p.failure", {}, icon("cross"), h("code", {}, failure.code), " ", failure.message);
    if (state === "running") return h("p.working", {}, h("i", {}), h("i", {}), h("i", {}), h("span.hidden", {}, "working"));
    return until ? h("p.took", {}, `${state} after ${span(Math.max(0, (new Date(until) - new Date(at)) / 1000))}`) : null;
  }
}

const TITLES = { prompt: "asked", message: "wrote", result: "brought a result" };

/** A message that a turn reads, or that waits for one. */
export function letter(message, story) {
  const from = story.senderOf(message);
  return h(
    "div.letter",
    { class: message.kind, data: { message: message.id } },
    h(
      "p.from",
      {},
      icon(message.kind === "prompt" ? "send" : "mail"),
      h("b", {}, from),
      ` ${TITLES[message.kind] ?? "sent"}`,
      message.state === "pending" && [" \u00b7 ", "waits ", when(message.created_at)],
    ),
    folded(message.text, "p.words"),
  );
}

const PREVIEW = 420;

function folded(text, tag) {
  const whole = clean(text);
  if (whole.length <= PREVIEW) return h(tag, {}, whole);
  const words = h(tag, {}, whole.slice(0, PREVIEW) + "\u2026");
  const more = button(
    "Show all of it",
    () => {
      fill(words, whole);
      more.remove();
    },
    { tone: "quiet small" },
  );
  return h("div", {}, words, more);
}

function drawn({ kind, text, data }) {
  switch (kind) {
    case "text":
      return h("p.words", {}, text);
    case "thought":
      return h(
        "details.thought",
        {},
        h("summary", {}, icon("thought"), h("span", {}, short(text, 140))),
        h("p.words", {}, text),
      );
    case "tool_call":
      return step("tool", text || "tool", data);
    case "tool_result":
      return step(data.error || data.failed ? "warn" : "check", text, data, "result");
    case "plan":
      return h(
        "div.plan",
        {},
        icon("plan"),
        h(
          "ol",
          {},
          (data.steps ?? []).map((one) => h("li", { class: one.status }, one.content)),
          data.steps ? null : h("li", {}, text),
        ),
      );
    case "usage":
      return h("p.usage", {}, usage(data));
    default:
      return h("p.notice", {}, icon("info"), text);
  }
}

function step(drawing, text, data, kind = "call") {
  const lines = clean(text).split("\n");
  const long = lines.length > 1 || text.length > 140;
  const full = Object.keys(data).length > 0;
  const gist = short(kind === "call" ? told(data.arguments ?? data.input) : told(data.answer), 140);
  const title = [
    icon(drawing),
    h("code", {}, short(lines.find((line) => line.trim()) ?? "", 140) || "done"),
    gist && h("span.gist", {}, gist),
  ];
  if (!long && !full) return h("p.step", { class: kind }, title);
  return h("details.step", { class: kind }, h("summary", {}, title), long ? verbatim(text) : null, full ? shown(data) : null);
}

/** What a tool was given or gave, in the words that people would look for first. */
function told(fields) {
  if (!fields || typeof fields !== "object") return "";
  const words = ["message", "text", "result", "command", "path", "file_path", "query", "pattern", "url", "state", "id"]
    .map((name) => fields[name])
    .find(Boolean);
  const whom = typeof fields.profile === "string" ? `${fields.profile}: ` : "";
  return whom + (Array.isArray(words) ? words.join(" ") : typeof words === "string" ? words : "");
}

function usage(data) {
  const parts = [
    data.input_tokens ? `${data.input_tokens.toLocaleString()} tokens in` : null,
    data.output_tokens ? `${data.output_tokens.toLocaleString()} out` : null,
    data.cost ? `$${data.cost.toFixed(4)}` : null,
  ];
  return parts.filter(Boolean).join(" \u00b7 ");
}
