// The frame: navigation, the state of the connection, keys, and the screen that the address names.

import { exchange, offers } from "./api.js";
import { Attention } from "./attention.js";
import { say, showKeys } from "./dialog.js";
import { fill, h, when } from "./dom.js";
import { eventLog } from "./events.js";
import { Feed } from "./feed.js";
import { health } from "./health.js";
import { icon } from "./icons.js";
import { inbox } from "./inbox.js";
import { Keys } from "./keys.js";
import { notifications } from "./notifications.js";
import { openForm, Palette } from "./palette.js";
import { button } from "./parts.js";
import { queue } from "./queue.js";
import { runs } from "./runs.js";
import { schedules } from "./schedules.js";
import { sessions } from "./sessions.js";
import { tasks } from "./tasks.js";
import { workflows } from "./workflows.js";

const SCREENS = [
  { name: "inbox", words: "Inbox", key: "i", make: inbox, needs: "approval.list" },
  { name: "sessions", words: "Sessions", key: "s", make: sessions, needs: "session.list" },
  { name: "workflows", words: "Workflows", key: "w", make: workflows, needs: "workflow.list" },
  { name: "tasks", words: "Tasks", key: "t", make: tasks, needs: "task.list" },
  { name: "queue", words: "Queue", key: "q", make: queue, needs: "queue.list" },
  { name: "runs", words: "Runs", key: "r", make: runs, needs: "run.list" },
  { name: "schedules", words: "Schedules", key: "c", make: schedules, needs: "schedule.list" },
  { name: "notifications", words: "Notifications", key: "n", make: notifications, needs: "notifier.list" },
  { name: "events", words: "Events", key: "e", make: eventLog, needs: "event.list" },
  { name: "health", words: "Health", key: "h", make: health, needs: "daemon.health" },
];
const ON_PHONE = 4;

export class Shell {
  element = h("div.shell", {});
  #feed = new Feed();
  #attention = new Attention(this.#feed);
  #screens = SCREENS.filter((screen) => offers(screen.needs));
  #palette;
  #keys;
  #current = null;
  #main = h("main", { id: "main", tabindex: "-1" });
  #banner = h("div.banner", { role: "status", hidden: true });
  #nav = h("nav", { "aria-label": "Screens" });
  #ending = new AbortController();

  constructor() {
    this.#palette = new Palette(this.#screens, this.context);
    this.#keys = new Keys({
      screens: this.#screens,
      palette: this.#palette,
      launch: this.context.launch,
      theme: switchTheme,
      current: () => this.#current,
    });
    this.#drawNav();
    fill(
      this.element,
      h("a.skip", { href: "#main", onclick: this.#skip }, "To the content"),
      this.#nav,
      h("div.stage", {}, this.#banner, this.#main),
    );
  }

  /** What screens are given. */
  get context() {
    return {
      feed: this.#feed,
      attention: this.#attention,
      go: (hash) => (location.hash = hash),
      launch: () =>
        openForm("session.launch", {
          title: "Launch a session",
          first: ["prompt", "profile", "provider", "name", "directory"],
          yes: "Launch",
          done: (session) => (location.hash = `#/sessions/${session.id}`),
        }),
    };
  }

  async start() {
    const { signal } = this.#ending;
    await this.#feed.start();
    this.#feed.addEventListener("state", () => this.#tellConnection());
    this.#feed.addEventListener("outdated", () =>
      fill(
        this.#banner,
        "The server is of another version now.",
        button("Load the page again", () => location.reload(), { tone: "small" }),
      ),
    );
    this.#feed.addEventListener("event", ({ detail }) => this.#current?.take?.(detail));
    this.#feed.addEventListener("jump", () => this.#load(this.#current));
    addEventListener("cao:trouble", ({ detail }) => say(detail.message, "bad"), { signal });
    this.#attention.addEventListener("change", () => this.#count());
    addEventListener("hashchange", () => this.#show(), { signal });
    this.#keys.listen(signal);
    this.#attention.refresh();
    await this.#show();
  }

  close() {
    this.#ending.abort();
    this.#feed.stop();
    this.#current?.close?.();
  }

  async #show() {
    const [path, search = ""] = location.hash.replace(/^#\/?/, "").split("?");
    const [name, ...rest] = path.split("/").map(decodeURIComponent);
    const screen = this.#screens.find((one) => one.name === name) ?? this.#screens[0];
    const parameters = { rest, search: new URLSearchParams(search) };
    this.#mark(screen);
    if (this.#current?.of === screen && this.#current.move) {
      await this.#current.move(parameters).catch((problem) => this.#fail(problem));
    } else {
      this.#current?.close?.();
      this.#current = { ...screen.make(this.context, parameters), of: screen };
      fill(this.#main, this.#current.element);
      this.#main.scrollTop = 0;
      await this.#load(this.#current);
    }
    this.#count();
  }

  async #load(screen, how = screen.load) {
    try {
      await how.call(screen);
    } catch (problem) {
      this.#fail(problem);
    }
  }

  /** A server that is away is told of by the banner; what is shown stays. */
  #fail(problem) {
    if (!problem.unreachable && problem.status !== 401) say(problem.message, "bad");
  }

  #skip = (event) => {
    event.preventDefault();
    this.#main.focus();
  };

  #drawNav() {
    const link = (screen, index) =>
      h(
        "a",
        { href: `#/${screen.name}`, data: { screen: screen.name }, class: index >= ON_PHONE ? "wide-only" : "" },
        icon(screen.name),
        h("span", {}, screen.words),
        screen.name === "inbox" && h("b.count", { hidden: true }),
      );
    fill(
      this.#nav,
      h("a.wordmark", { href: "#/inbox", "aria-label": "cao, to the inbox" }, "cao"),
      button(h("span", {}, "Find or do"), () => this.#palette.open(), {
        drawn: "search",
        key: "Ctrl K",
        tone: "finder",
        "aria-label": "Command palette",
      }),
      h(
        "div.links",
        {},
        this.#screens.map(link),
        button(h("span", {}, "More"), () => this.#palette.open(), { drawn: "more", tone: "phone-only link" }),
      ),
      h("div.foot", {}, h("p.connection", {}, "connecting"), h("div.tools", {}, this.#tools())),
    );
  }

  #tools() {
    const leave = async () => {
      await exchange("DELETE", "/page/session").catch((problem) => say(problem.message, "bad"));
      location.reload();
    };
    return [
      button("", switchTheme, { drawn: "moon", tone: "quiet", "aria-label": "Light or dark", title: "Light or dark (t)" }),
      button("", showKeys, { drawn: "keyboard", tone: "quiet", "aria-label": "Keyboard", title: "Keyboard (?)" }),
      button("", leave, { drawn: "leave", tone: "quiet", "aria-label": "Sign out", title: "Sign out" }),
    ];
  }

  #mark(screen) {
    for (const link of this.#nav.querySelectorAll("[data-screen]"))
      if (link.dataset.screen === screen.name) link.setAttribute("aria-current", "page");
      else link.removeAttribute("aria-current");
  }

  #count() {
    const number = this.#attention.count;
    const mark = this.#nav.querySelector(".count");
    if (mark) {
      mark.hidden = !number;
      mark.textContent = number > 99 ? "99+" : String(number);
    }
    document.title = `${number ? `(${number}) ` : ""}${this.#current?.title ?? "cao"} \u00b7 cao`;
  }

  #recover() {
    this.#attention.refresh();
    if (this.#current) this.#load(this.#current, this.#current.recover ?? this.#current.load);
  }

  #tellConnection() {
    const { state, since } = this.#feed;
    if (state === "live" && this.element.dataset.connection === "stale") this.#recover();
    this.element.dataset.connection = state;
    fill(this.#nav.querySelector(".connection"), state === "live" ? "live" : "not connected");
    this.#banner.hidden = state === "live";
    if (state === "stale")
      fill(
        this.#banner,
        icon("warn"),
        h("span", {}, "The server does not answer. What you see is stale since ", when(since), "."),
        button("Try now", () => this.#feed.wake(), { tone: "small" }),
      );
  }
}

function switchTheme() {
  const root = document.documentElement;
  const dark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  root.dataset.theme = dark ? "light" : "dark";
  localStorage.setItem("cao.theme", root.dataset.theme);
}
