// One session: its story, and what can be done about it.

import { ask, newKey, offers } from "./api.js";
import { say } from "./dialog.js";
import { fill, h, paced } from "./dom.js";
import { learnSession } from "./names.js";
import { openForm } from "./palette.js";
import { badge, button, head, trouble, waiting } from "./parts.js";
import { count } from "./text.js";
import { Story } from "./story.js";
import { letter, StoryView } from "./storyview.js";

const NEAR = 80; // pixels from the end within which the reader is at the end

export class SessionScreen {
  element = h("div.session", {}, waiting(6));
  #context;
  #reference;
  #story = null;
  #early = []; // events that came while the story was being read
  #view = null;
  #queue = h("div.queue", {});
  #top = h("div.top", {});
  #scroll = h("div.reader", { tabindex: "-1" });
  #below = button("Newer below", () => this.#toEnd(), { tone: "small below", drawn: "down", hidden: true });
  #head = h("div", {});
  #composer;
  #closed = false;
  #stuck = true; // to the end of the story, as long as the reader stays there
  #sizes = new ResizeObserver(() => (this.#stuck ? this.#toEnd() : null));
  #refresh = paced(() => this.#look(), 150);

  constructor(context, reference) {
    this.#context = context;
    this.#reference = reference;
    this.#composer = composer((text, terminal) => this.#send(text, terminal));
    this.#scroll.addEventListener("scroll", () => this.#scrolled(), { passive: true });
  }

  async load() {
    try {
      const session = await ask("session.get", { session: this.#reference });
      learnSession(session);
      const story = new Story(session);
      const last = this.#context.feed.seq;
      this.#early = [];
      await story.read(last);
      if (this.#closed) return;
      this.#take(story);
      for (const event of this.#early.splice(0)) if (event.seq > last) story.take(event);
    } catch (problem) {
      fill(
        this.element,
        head("Session", { back: "#/sessions" }),
        trouble(problem, () => this.load()),
      );
    }
  }

  #take(story) {
    this.#story = story;
    this.#view = new StoryView(story);
    story.addEventListener("waiting", this.#refresh);
    story.addEventListener("change", () => this.#grown());
    this.#sizes.disconnect();
    fill(this.#scroll, this.#top, this.#view.element, this.#queue);
    fill(this.element, this.#head, this.#scroll, this.#below, this.#composer.element);
    this.#draw();
    this.#stuck = true;
    for (const part of [this.#view.element, this.#queue, this.#scroll]) this.#sizes.observe(part);
  }

  take(event) {
    if (this.#story) this.#story.take(event);
    else this.#early.push(event);
  }

  /** The server is back; the story itself goes on by the log. */
  recover() {
    if (this.#story) this.#refresh();
    else this.load();
  }

  /** Answer the oldest question of this session. */
  decide(decision) {
    (document.activeElement?.closest(".approval") ?? this.element.querySelector(".approval[data-state=pending]"))?.decide(
      decision,
    );
  }

  close() {
    this.#closed = true;
    this.#sizes.disconnect();
  }

  async #look() {
    if (this.#closed) return;
    try {
      const session = await ask("session.get", { session: this.#story.session.id });
      this.#story.session = session;
      for (const terminal of session.terminals) this.#story.terminals.set(terminal.id, terminal);
      const pending = await ask("message.list", { session: session.id, state: "pending", limit: 50 });
      for (const [id, message] of this.#story.messages)
        if (message.state === "pending") this.#story.messages.set(id, { ...message, state: "done" });
      for (const message of pending.items) this.#story.messages.set(message.id, message);
      this.#draw();
    } catch (problem) {
      if (!problem.unreachable) say(problem.message, "bad");
    }
  }

  #draw() {
    const { session, messages } = this.#story;
    const working = session.terminals.some((terminal) => ["running", "waiting"].includes(terminal.status));
    fill(this.#head, this.#heading(session, working));
    fill(this.#top, this.#story.begun ? null : button("Earlier", () => this.#earlier(), { tone: "quiet small" }));
    const pending = [...messages.values()].filter((message) => message.state === "pending").reverse();
    fill(
      this.#queue,
      pending.length
        ? [
            h("h3", {}, `${count(pending.length, "message")} in the inbox`),
            pending.map((message) => letter(message, this.#story)),
          ]
        : null,
    );
    this.#composer.update(session);
  }

  #heading(session, working) {
    const agents = session.terminals.map((terminal) =>
      h(
        "span.agent",
        { title: `${terminal.profile} over ${terminal.provider}, ${terminal.directory}` },
        h("b", {}, terminal.name),
        badge(terminal.status),
      ),
    );
    const actions = [
      session.status === "open" &&
        offers("terminal.add") &&
        button(
          "Add an agent",
          () =>
            openForm("terminal.add", {
              title: "Add an agent",
              values: { session: session.id },
              fixed: ["session"],
              first: ["profile", "provider", "name"],
              yes: "Add",
            }),
          { tone: "quiet" },
        ),
      working && button("Interrupt", () => this.#interrupt(), { drawn: "stop" }),
      session.status === "open" &&
        button(
          "Shut down",
          () =>
            openForm("session.shutdown", {
              title: `Shut down ${session.name}`,
              values: { session: session.id },
              fixed: ["session", "all"],
              yes: "Shut down",
            }),
          { tone: "quiet" },
        ),
    ];
    return [
      head(session.name, { back: "#/sessions", beside: session.status === "closed" ? badge("closed") : null, actions }),
      h("div.agents", {}, agents),
    ];
  }

  async #send(text, terminal) {
    await ask("session.send", { session: this.#story.session.id, text, terminal }, { key: newKey() });
    this.#toEnd();
  }

  async #interrupt() {
    try {
      const { turn_ids } = await ask("session.interrupt", { session: this.#story.session.id }, { key: newKey() });
      say(turn_ids.length ? `${count(turn_ids.length, "turn")} asked to stop` : "Nothing was under way");
    } catch (problem) {
      say(problem.message, "bad");
    }
  }

  async #earlier() {
    this.#stuck = false;
    const height = this.#scroll.scrollHeight;
    await this.#story.readEarlier();
    this.#draw();
    this.#scroll.scrollTop += this.#scroll.scrollHeight - height;
  }

  #grown() {
    this.#below.hidden = this.#stuck;
  }

  #scrolled() {
    this.#stuck = this.#scroll.scrollHeight - this.#scroll.scrollTop - this.#scroll.clientHeight < NEAR;
    if (this.#stuck) this.#below.hidden = true;
  }

  #toEnd() {
    this.#stuck = true;
    this.#scroll.scrollTop = this.#scroll.scrollHeight;
    this.#below.hidden = true;
  }
}

/** Where somebody writes to a session's agents. Ctrl+Enter sends. */
function composer(send) {
  const text = h("textarea", {
    name: "text",
    rows: "1",
    placeholder: "Say what to do next\u2026",
    "aria-label": "Message",
    oninput: () => grow(),
  });
  const whom = h("select", { name: "terminal", "aria-label": "To whom" });
  const go = button("Send", () => submit(), { tone: "main", drawn: "send" });
  const element = h(
    "form.composer",
    { onsubmit: submit },
    text,
    h("div.controls", {}, whom, h("span.hint", {}, h("kbd", {}, "Ctrl \u21b5")), go),
  );
  const grow = () => {
    text.style.setProperty("height", "auto");
    text.style.setProperty("height", `${Math.min(text.scrollHeight + 2, 240)}px`);
  };

  async function submit(event) {
    event?.preventDefault();
    if (!text.value.trim() || go.disabled) return;
    go.disabled = true;
    try {
      await send(text.value, whom.value || undefined);
      text.value = "";
      grow();
    } catch (problem) {
      say(problem.message, "bad");
    } finally {
      go.disabled = false;
      text.focus();
    }
  }

  text.addEventListener("keydown", (event) => (event.ctrlKey || event.metaKey) && event.key === "Enter" && submit(event));
  return {
    element,
    update(session) {
      const open = session.terminals.filter((terminal) => terminal.status !== "closed");
      const chosen = whom.value;
      element.hidden = session.status === "closed" || !open.length;
      whom.hidden = open.length < 2;
      fill(
        whom,
        open.map((terminal) => h("option", { value: terminal.id, selected: terminal.id === chosen }, `to ${terminal.name}`)),
      );
    },
  };
}
