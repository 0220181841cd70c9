// One session as one story: events of the log, in their order, become the turns of its agents. History and live are the same.

import { ask, listed } from "./api.js";
import { newest } from "./log.js";

const TYPES = ["transcript.*", "turn.*", "message.*", "run.*", "approval.*", "terminal.*", "session.*"];
const ENOUGH = 120; // events that make a beginning
const MOST = 4000; // events that are kept of a session that never ends
const LETTERS = 400;
const MISSING = 40; // messages that are asked for one by one

/**
 * What is known of one session. Tells of `change` (a block grew or is new), of `record` (a message or an approval is known in
 * full), of `waiting` (who waits and works may have changed) and of `rebuilt` (all blocks are others now).
 */
export class Story extends EventTarget {
  turns = new Map();
  blocks = [];
  messages = new Map();
  terminals = new Map();
  approvals = new Map();
  from = Infinity;
  #seen = 0;
  #events = [];

  constructor(session) {
    super();
    this.session = session;
    for (const terminal of session.terminals) this.terminals.set(terminal.id, terminal);
  }

  get begun() {
    return this.from <= 0;
  }

  /** Read the end of the story. `last` is the newest event's number. */
  async read(last) {
    const [{ events, from }, approvals, messages] = await Promise.all([
      newest(this.#fields, last, { enough: ENOUGH, most: MOST }),
      listed("approval.list", { session: this.session.id }, 200),
      listed("message.list", { session: this.session.id }, LETTERS),
    ]);
    for (const one of approvals) this.approvals.set(one.id, one);
    for (const one of messages) this.messages.set(one.id, one);
    this.from = from;
    this.#rebuild(events);
    await this.#findLetters();
  }

  /** Read what stands before it. */
  async readEarlier() {
    const { events, from } = await newest(this.#fields, this.from, { enough: ENOUGH, most: MOST });
    this.from = from;
    this.#rebuild([...events, ...this.#events]);
    await this.#findLetters();
  }

  get #fields() {
    return { session: this.session.id, types: TYPES };
  }

  #rebuild(events) {
    this.turns.clear();
    this.blocks = [];
    this.#seen = 0;
    this.#events = events;
    for (const event of events) this.#apply(event);
    this.dispatchEvent(new Event("rebuilt"));
  }

  /** The messages of turns that are older than the listing goes. */
  async #findLetters() {
    const unknown = this.blocks.flatMap((block) => block.mail ?? []).filter((id) => !this.messages.has(id));
    const found = await Promise.all(
      unknown.slice(-MISSING).map((message) => ask("message.get", { message }).catch(() => null)),
    );
    for (const message of found.filter(Boolean)) {
      this.messages.set(message.id, message);
      this.dispatchEvent(new CustomEvent("record", { detail: message.id }));
    }
  }

  /** Take one event as it happens. */
  take(event) {
    if (event.session_id !== this.session.id || event.seq <= this.#seen) return;
    this.#events.push(event);
    if (this.#events.length > 2 * MOST) {
      this.from = this.#events.at(-MOST).seq - 1;
      return this.#rebuild(this.#events.slice(-MOST));
    }
    const touched = this.#apply(event);
    if (touched) this.dispatchEvent(new CustomEvent("change", { detail: touched }));
    if (/^(message|approval)\./.test(event.type)) void this.#complete(event);
    if (/^(message|session|terminal|turn|run)\./.test(event.type)) this.dispatchEvent(new Event("waiting"));
  }

  /** An event names messages and approvals; their text is asked for. */
  async #complete({ type, data }) {
    try {
      if (type === "message.queued") this.messages.set(data.message_id, await ask("message.get", { message: data.message_id }));
      else if (type.startsWith("approval."))
        this.approvals.set(data.approval_id, await ask("approval.get", { approval: data.approval_id }));
      else return;
    } catch {
      return; // gone or out of reach: the next load of the story has it
    }
    this.dispatchEvent(new CustomEvent("record", { detail: data.approval_id ?? data.message_id }));
    this.dispatchEvent(new Event("waiting"));
  }

  #apply(event) {
    this.#seen = event.seq;
    const { data } = event;
    switch (event.type) {
      case "message.delivered":
        return this.#deliver(event);
      case "turn.started":
        return this.#start(event);
      case "transcript.appended":
        return this.#append(this.#turn(data.turn_id, event), {
          kind: data.kind,
          text: data.text ?? "",
          data: data.data ?? {},
          at: event.at,
        });
      case "approval.requested":
        return this.#append(this.#running(event), { kind: "approval", id: data.approval_id, at: event.at });
      case "turn.cut":
        return this.#append(this.#turn(data.turn_id, event), {
          kind: "notice",
          text: `the process ended in the middle of it; ${data.action}`,
          data: {},
          at: event.at,
        });
      case "turn.interrupted":
        return this.#append(this.#turn(data.turn_id, event), { kind: "notice", text: "asked to stop", data: {}, at: event.at });
      case "turn.settled":
        return this.#settle(event);
      case "terminal.added":
      case "terminal.closed":
        return this.#note(event);
      default:
        return null;
    }
  }

  #turn(id, event) {
    if (!this.turns.has(id)) {
      const turn = {
        id,
        terminal: event.terminal_id,
        run: event.run_id,
        at: event.at,
        state: "running",
        attempt: 1,
        parts: [],
        mail: [],
        failure: null,
        until: null,
      };
      this.turns.set(id, turn);
      this.blocks.push(turn);
    }
    return this.turns.get(id);
  }

  #running(event) {
    const own = this.blocks.filter((block) => block.terminal === event.terminal_id && block.parts);
    return own.at(-1) ?? this.#turn(`approval-${event.seq}`, event);
  }

  #deliver(event) {
    const turn = this.#turn(event.data.turn_id, event);
    if (!turn.mail.includes(event.data.message_id)) turn.mail.push(event.data.message_id);
    return turn;
  }

  #start(event) {
    const turn = this.#turn(event.data.turn_id, event);
    Object.assign(turn, { state: "running", attempt: event.data.attempt, run: event.run_id ?? turn.run, until: null });
    if (turn.attempt > 1) turn.parts.push({ kind: "notice", text: `attempt ${turn.attempt}`, data: {}, at: event.at });
    return turn;
  }

  #settle(event) {
    const turn = this.#turn(event.data.turn_id, event);
    return Object.assign(turn, { state: event.data.state, failure: event.data.failure ?? null, until: event.at });
  }

  /** Words that come in pieces are one part. */
  #append(turn, part) {
    const last = turn.parts.at(-1);
    const goesOn = last && last.kind === part.kind && (part.kind === "text" || part.kind === "thought");
    if (goesOn) Object.assign(last, { text: last.text + part.text, grown: true });
    else turn.parts.push(part);
    return turn;
  }

  #note(event) {
    const block = {
      id: `note-${event.seq}`,
      note: event.type === "terminal.added" ? "joined" : "left",
      terminal: event.terminal_id,
      at: event.at,
      data: event.data,
    };
    if (event.type === "terminal.added" && !this.terminals.has(event.terminal_id)) {
      this.terminals.set(event.terminal_id, { id: event.terminal_id, status: "idle", ...event.data });
    }
    this.blocks.push(block);
    return block;
  }

  /** What an agent is called. */
  nameOf(terminal) {
    return this.terminals.get(terminal)?.name ?? "agent";
  }

  /** Which one of the session's agents it is, counted from 0. */
  placeOf(terminal) {
    return Math.max(0, [...this.terminals.keys()].indexOf(terminal));
  }

  /** Who sent a message, in words. */
  senderOf(message) {
    const [kind, id] = message.sender.split(":");
    if (kind === "terminal") return this.nameOf(id);
    return message.sender === "owner" ? "you" : message.sender;
  }
}
