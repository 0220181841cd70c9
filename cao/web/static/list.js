// A paged list that reads on as somebody scrolls, and puts in order what changed.

import { ask } from "./api.js";
import { fill, h, refill } from "./dom.js";
import { trouble, waiting } from "./parts.js";

const PAGE = 60;
const MOST = 200;

/** The rows of one listing operation. `row(item)` makes an element; `key(item)` says which it is. */
export class List {
  element = h("div.list", {}, waiting(8));
  rows = new Map();
  #operation;
  #row;
  #key;
  #blank;
  #fields = {};
  #cursor = null;
  #turn = 0;
  #foot = h("div.foot", {});
  #watcher = new IntersectionObserver((entries) => entries.some((entry) => entry.isIntersecting) && this.#more(), {
    rootMargin: "600px",
  });

  constructor(operation, row, { key = (item) => item.id, blank } = {}) {
    this.#operation = operation;
    this.#row = row;
    this.#key = key;
    this.#blank = blank;
    this.#watcher.observe(this.#foot);
  }

  /** Show the first page for these filters; for the same ones again, as many rows as there are, as far as one page holds them. */
  async load(fields = this.#fields) {
    const turn = ++this.#turn;
    const limit = fields === this.#fields ? Math.min(MOST, Math.max(PAGE, this.rows.size)) : PAGE;
    this.#fields = fields;
    try {
      const page = await ask(this.#operation, { ...fields, limit });
      if (turn !== this.#turn) return;
      this.#cursor = page.next_cursor;
      this.rows = new Map(page.items.map((item) => [this.#key(item), this.#row(item)]));
      this.#show();
    } catch (problem) {
      if (turn === this.#turn)
        fill(
          this.element,
          trouble(problem, () => this.load()),
        );
    }
  }

  /** Put a record in the place of its row; a new one goes to the top. */
  put(item) {
    const key = this.#key(item);
    const row = this.#row(item);
    const old = this.rows.get(key);
    if (old) {
      const held = old.contains(document.activeElement);
      old.replaceWith(row);
      this.rows.set(key, row);
      if (held) (row.matches("a,button,[tabindex]") ? row : row.querySelector("a,button"))?.focus();
    } else {
      this.rows = new Map([[key, row], ...this.rows]);
      if (this.rows.size === 1) this.#show();
      else this.element.prepend(row);
    }
  }

  /** Take a row out. */
  drop(key) {
    this.rows.get(key)?.remove();
    if (this.rows.delete(key) && !this.rows.size) this.#show();
  }

  close() {
    this.#turn += 1;
    this.#watcher.disconnect();
  }

  #show() {
    refill(this.element, this.rows.size ? [...this.rows.values()] : this.#blank?.(), this.#foot);
    this.#foot.hidden = !this.#cursor;
  }

  async #more() {
    const cursor = this.#cursor;
    if (!cursor) return;
    const turn = this.#turn;
    this.#cursor = null;
    try {
      const page = await ask(this.#operation, { ...this.#fields, limit: PAGE, cursor });
      if (turn !== this.#turn) return;
      const fresh = page.items.filter((item) => !this.rows.has(this.#key(item)));
      for (const item of fresh) this.rows.set(this.#key(item), this.#row(item));
      this.#foot.before(...fresh.map((item) => this.rows.get(this.#key(item))));
      this.#cursor = page.next_cursor;
      this.#foot.hidden = !this.#cursor;
      this.#watcher.unobserve(this.#foot);
      this.#watcher.observe(this.#foot);
    } catch (problem) {
      if (turn === this.#turn)
        fill(
          this.#foot,
          trouble(problem, () => {
            this.#cursor = cursor;
            fill(this.#foot);
            this.#more();
          }),
        );
    }
  }
}
