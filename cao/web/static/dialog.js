// What comes over the page: dialogs, and short words that go by themselves.

import { h } from "./dom.js";
import { icon } from "./icons.js";
import { button } from "./parts.js";

/** Open a dialog; resolves with what it was closed with, null when it was left. */
export function open(title, content, { class: kind = "", wide = false } = {}) {
  const dialog = h("dialog.dialog", { class: `${kind} ${wide ? "wide" : ""}`, "aria-label": title });
  const leave = h("button.leave", { type: "button", "aria-label": "Close", onclick: () => dialog.close() }, icon("cross"));
  dialog.result = null;
  dialog.finish = (value) => {
    dialog.result = value;
    dialog.close();
  };
  dialog.append(
    h("header", {}, h("h2", {}, title), leave),
    h("div.body", {}, typeof content === "function" ? content(dialog) : content),
  );
  dialog.addEventListener("click", (event) => event.target === dialog && dialog.close());
  document.body.append(dialog);
  dialog.showModal();
  dialog.closed = new Promise((resolve) => {
    dialog.addEventListener("close", () => {
      dialog.remove();
      resolve(dialog.result);
    });
  });
  return dialog;
}

/** Whether somebody really wants it. */
export function sure(title, words, yes) {
  return open(title, (dialog) => [
    h("p", {}, words),
    h(
      "footer",
      {},
      button("Cancel", () => dialog.close(), { tone: "quiet" }),
      button(yes, () => dialog.finish(true), { tone: "danger", autofocus: true }),
    ),
  ]).closed;
}

let shelf = null;

/** Say something for a moment; screen readers hear it too. */
export function say(words, tone = "calm") {
  shelf ??= document.body.appendChild(h("div.shelf", { role: "status", "aria-live": "polite" }));
  const note = h("p.note", { class: tone }, icon(tone === "bad" ? "warn" : tone === "good" ? "check" : "info"), words);
  shelf.append(note);
  if (shelf.childElementCount > 4) shelf.firstElementChild.remove();
  setTimeout(() => note.remove(), tone === "bad" ? 9000 : 4000);
}

const KEYS = [
  ["Ctrl K", "Command palette: everything that can be asked"],
  ["j  k", "Next, previous"],
  ["Enter", "Open"],
  ["a  d", "Allow, deny (inbox, session, workflow)"],
  ["/", "Filter"],
  ["h  f", "Hold or release, to the front (queue)"],
  ["n", "Begin something: a session, a workflow, a task, a place in the queue"],
  ["g i", "Inbox"],
  ["g s", "Sessions"],
  ["g w", "Workflows"],
  ["g t", "Tasks"],
  ["g q", "Queue"],
  ["g r", "Runs"],
  ["g c", "Schedules"],
  ["g n", "Notifications"],
  ["g e", "Events"],
  ["g h", "Health"],
  ["t", "Light or dark"],
  ["?", "This list"],
];

/** The keys that the page knows. */
export function showKeys() {
  if (document.querySelector("dialog.keys")) return;
  open(
    "Keyboard",
    h(
      "dl.keylist",
      {},
      KEYS.map(([keys, words]) => [
        h(
          "dt",
          {},
          keys.split(/\s+/).map((key) => h("kbd", {}, key)),
        ),
        h("dd", {}, words),
      ]),
    ),
    { class: "keys" },
  );
}
