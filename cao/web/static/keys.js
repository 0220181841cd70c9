// What the keyboard does, wherever nobody is typing.

import { showKeys } from "./dialog.js";

const PATIENCE = 1200; // for the second key of `g i`

export class Keys {
  #parts;
  #going = -Infinity; // when `g` was pressed, which is not when a busy page hears of it

  constructor(parts) {
    this.#parts = parts;
  }

  listen(signal) {
    addEventListener("keydown", (event) => this.#press(event), { signal });
  }

  #press(event) {
    if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "k") {
      event.preventDefault();
      this.#parts.palette.open();
      return;
    }
    if (event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target) || document.querySelector("dialog[open]"))
      return;
    const act = this.#meaning(event.key, event.timeStamp);
    if (!act) return;
    event.preventDefault();
    act();
  }

  #meaning(key, pressed) {
    const { screens, palette, launch, theme, current } = this.#parts;
    if (pressed - this.#going < PATIENCE) {
      this.#going = -Infinity;
      const screen = screens.find((one) => one.key === key);
      return screen && (() => (location.hash = `#/${screen.name}`));
    }
    const own = current()?.keys?.[key];
    if (own) return own;
    return {
      g: () => (this.#going = pressed),
      j: () => step(1),
      k: () => step(-1),
      n: launch,
      t: theme,
      "?": showKeys,
      ":": () => palette.open(),
      "/": () => document.querySelector("main [type=search]")?.focus(),
    }[key];
  }
}

function isTyping(target) {
  return target.matches?.("input:not([type=radio]):not([type=checkbox]), textarea, select, [contenteditable]");
}

/** The next or previous row of the screen. */
function step(by) {
  const rows = [...document.querySelectorAll("main [data-row]")].filter((row) => row.offsetParent);
  const at = rows.findIndex((row) => row.contains(document.activeElement));
  const next = rows[Math.max(0, Math.min(rows.length - 1, at < 0 ? 0 : at + by))];
  next?.focus();
  next?.scrollIntoView({ block: "nearest" });
}
