// What needs a person, from everywhere: questions, failures, missed schedules, letters that could not be delivered.

import { listed, offers } from "./api.js";
import { paced } from "./dom.js";

const KEPT = "cao.dismissed";
const DISMISSED = 500;
const FRESH = 7 * 86400 * 1000; // older failures are history
const TYPES = /^(approval|schedule|delivery)\.|^run\.(failed|queued)$/;

/** The inbox as a model. Tells of `change`. */
export class Attention extends EventTarget {
  items = [];
  problem = null;
  loaded = false;
  refresh = paced(() => this.load(), 120);

  constructor(feed) {
    super();
    feed.addEventListener("event", ({ detail }) => TYPES.test(detail.type) && this.refresh());
    feed.addEventListener("jump", () => this.refresh());
  }

  /** How many things wait. */
  get count() {
    return this.items.length;
  }

  async load() {
    try {
      const found = await Promise.all([approvals(), failures(), missed(), dead()]);
      const gone = new Set(dismissed());
      this.items = found.flat().filter((item) => item.kind === "approval" || !gone.has(item.id));
      this.problem = null;
    } catch (problem) {
      this.problem = problem;
    }
    this.loaded = true;
    this.dispatchEvent(new Event("change"));
  }

  /** Put away what cannot be answered. This browser remembers it. */
  dismiss(item) {
    localStorage.setItem(KEPT, JSON.stringify([item.id, ...dismissed()].slice(0, DISMISSED)));
    this.items = this.items.filter((one) => one !== item);
    this.dispatchEvent(new Event("change"));
  }
}

function dismissed() {
  try {
    return JSON.parse(localStorage.getItem(KEPT) ?? "[]");
  } catch {
    return [];
  }
}

async function approvals() {
  const pending = await listed("approval.list", { state: "pending" }, 200);
  return pending.reverse().map((record) => ({ kind: "approval", id: record.id, at: record.created_at, record }));
}

/** Failed runs that nobody else hears of: neither an agent that asked for the work, nor the workflow whose phase it was. */
async function failures() {
  const failed = await listed("run.list", { state: "failed" }, 50);
  const runs = failed.length && offers("workflow.list") ? await listed("workflow.list", {}, 200) : [];
  const theirs = new Set(runs.map((run) => run.session_id));
  return failed
    .filter((record) => record.kind === "workflow" || !(record.parent_terminal_id || theirs.has(record.session_id)))
    .filter((record) => Date.now() - new Date(record.settled_at ?? record.created_at) < FRESH)
    .map((record) => ({ kind: "failure", id: record.id, at: record.settled_at ?? record.created_at, record }));
}

async function missed() {
  if (!offers("schedule.history")) return [];
  const fires = await Promise.all(["missed", "failed"].map((state) => listed("schedule.history", { state }, 50)));
  return fires
    .flat()
    .filter((record) => Date.now() - new Date(record.created_at) < FRESH)
    .map((record) => ({ kind: "missed", id: record.id, at: record.created_at, record }));
}

async function dead() {
  if (!offers("delivery.list")) return [];
  const letters = await listed("delivery.list", { state: "dead" }, 50);
  return letters.map((record) => ({ kind: "dead", id: record.id, at: record.created_at, record }));
}
