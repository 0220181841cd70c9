// The one event stream of the page: it follows the log by cursor, tells when it is cut, and comes back by itself.

import { ask, streamed } from "./api.js";

const SILENCE = 45000; // the server says something every 15 s
const FIRST_PAUSE = 300;
const LONGEST_PAUSE = 8000;
const FAR = 5000; // events that are rather loaded anew than replayed

/** Tells of `event` (detail: an event of the log), `state` (`live`, `stale`) `jump` (what is shown must be loaded anew) and `outdated` (the server is of another version). */
export class Feed extends EventTarget {
  seq = -1;
  state = "starting";
  since = null;
  version = null;
  #stopping = new AbortController();
  #wake = () => {};

  constructor() {
    super();
    for (const sign of ["online", "focus", "visibilitychange"]) addEventListener(sign, () => this.#wake());
  }

  /** Follow until `stop`. Resolves once the place in the log is known from which it follows. */
  async start() {
    const status = await ask("daemon.status");
    this.seq = status.last_seq;
    this.version = status.version;
    void this.#follow();
  }

  stop() {
    this.#stopping.abort();
    this.#wake();
  }

  /** Try again now. */
  wake() {
    this.#wake();
  }

  async #follow() {
    let pause = FIRST_PAUSE;
    while (!this.#stopping.signal.aborted) {
      try {
        if (this.state === "stale") await this.#compare();
        await this.#listen(() => (pause = FIRST_PAUSE));
      } catch (error) {
        if (error.status === 401) return;
      }
      this.#turn("stale");
      await this.#rest(pause * (0.75 + Math.random() / 2));
      pause = Math.min(pause * 1.8, LONGEST_PAUSE);
    }
  }

  /** After a cut: is it the same log, and is it worth replaying? */
  async #compare() {
    const status = await ask("daemon.status");
    if (status.version !== this.version) this.dispatchEvent(new Event("outdated"));
    if (status.last_seq < this.seq || status.last_seq - this.seq > FAR) {
      this.seq = status.last_seq;
      this.dispatchEvent(new Event("jump"));
    }
  }

  async #listen(opened) {
    const cut = new AbortController();
    const end = () => cut.abort();
    this.#stopping.signal.addEventListener("abort", end);
    let quiet = setTimeout(end, SILENCE);
    const onByte = () => {
      clearTimeout(quiet);
      quiet = setTimeout(end, SILENCE);
    };
    const onOpen = () => {
      opened();
      this.#turn("live");
    };
    try {
      for await (const item of streamed("event.follow", {}, { after: this.seq, signal: cut.signal, onOpen, onByte })) {
        if (item.type === "error") return;
        if (item.seq > this.seq) {
          this.seq = item.seq;
          if (item.data) this.dispatchEvent(new CustomEvent("event", { detail: item.data }));
        }
      }
    } finally {
      clearTimeout(quiet);
      cut.abort();
      this.#stopping.signal.removeEventListener("abort", end);
    }
  }

  #turn(state) {
    if (state === this.state) return;
    this.state = state;
    this.since = new Date().toISOString();
    this.dispatchEvent(new Event("state"));
  }

  #rest(milliseconds) {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, milliseconds);
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }
}
