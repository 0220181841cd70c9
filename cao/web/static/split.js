// A list with one of its things beside it. The address says which.

import { fill, h } from "./dom.js";

export class Split {
  /** The reference of what is shown; null for nothing. */
  chosen = null;
  /** Its page. */
  open = null;
  element;
  #index;
  #detail = h("section.detail", {});
  #make;
  #blank;

  /** index: the list's side; make: a page `{ element, load, take, close }` by reference; blank: what stands there without one. */
  constructor(index, make, blank) {
    this.#index = index;
    this.#make = make;
    this.#blank = blank;
    this.element = h("div.split", {}, index, this.#detail);
  }

  /** Show the page of what `reference` names. */
  async move(reference) {
    if (reference === this.chosen && this.open) return;
    this.open?.close?.();
    this.chosen = reference;
    this.open = reference ? this.#make(reference) : null;
    this.element.classList.toggle("opened", Boolean(reference));
    for (const row of this.#index.querySelectorAll("[data-id]")) this.mark(row);
    fill(this.#detail, this.open ? this.open.element : this.#blank());
    this.#detail.scrollTop = 0;
    await this.open?.load();
  }

  /** Mark a row if it is the one that is shown. */
  mark(row) {
    if (row.dataset.id === this.chosen) row.setAttribute("aria-current", "true");
    else row.removeAttribute("aria-current");
    return row;
  }
}
