// The drawings, as strokes on a grid of 20.

import { drawing } from "./dom.js";

const PATHS = {
  inbox: [
    "M3 11l2.2-6.2A1.2 1.2 0 0 1 6.3 4h7.4a1.2 1.2 0 0 1 1.1.8L17 11v4a1 1 0 0 1-1 1H4a1 1 0 0 1-1-1z",
    "M3 11h4l1 2h4l1-2h4",
  ],
  sessions: [
    "M3 5.5A1.5 1.5 0 0 1 4.5 4h11A1.5 1.5 0 0 1 17 5.5v6a1.5 1.5 0 0 1-1.5 1.5H9l-4 3.2V13h-.5A1.5 1.5 0 0 1 3 11.5z",
  ],
  runs: ["M6.5 4.2l9 5.8-9 5.8z"],
  schedules: ["M10 17a7 7 0 1 0 0-14 7 7 0 0 0 0 14z", "M10 6.2V10l2.6 1.8"],
  notifications: ["M5 13.5V9a5 5 0 0 1 10 0v4.5l1.2 1.5H3.8z", "M8.5 17.2h3"],
  events: ["M3 10h3l2-5 4 10 2-5h3"],
  health: ["M10 16.5S3.5 12.8 3.5 8A3.6 3.6 0 0 1 10 6a3.6 3.6 0 0 1 6.5 2c0 4.8-6.5 8.5-6.5 8.5z"],
  search: ["M9 14.5a5.5 5.5 0 1 0 0-11 5.5 5.5 0 0 0 0 11z", "M13 13l4 4"],
  more: ["M5 10h.01", "M10 10h.01", "M15 10h.01"],
  plus: ["M10 4v12", "M4 10h12"],
  check: ["M4.5 10.5l3.8 3.8 7.2-8.2"],
  cross: ["M5.5 5.5l9 9", "M14.5 5.5l-9 9"],
  stop: ["M6 6h8v8H6z"],
  send: ["M4 10h12", "M11 5l5 5-5 5"],
  back: ["M12 4.5L6.5 10l5.5 5.5"],
  down: ["M5 8l5 5 5-5"],
  sun: [
    "M10 13a3 3 0 1 0 0-6 3 3 0 0 0 0 6z",
    "M10 2.5v1.6",
    "M10 15.9v1.6",
    "M2.5 10h1.6",
    "M15.9 10h1.6",
    "M4.7 4.7l1.1 1.1",
    "M14.2 14.2l1.1 1.1",
    "M4.7 15.3l1.1-1.1",
    "M14.2 5.8l1.1-1.1",
  ],
  moon: ["M16 11.8A6.5 6.5 0 0 1 8.2 4a6.5 6.5 0 1 0 7.8 7.8z"],
  keyboard: ["M3 5.5h14v9H3z", "M6 8.5h.01", "M10 8.5h.01", "M14 8.5h.01", "M7 11.8h6"],
  leave: ["M8 4H5a1 1 0 0 0-1 1v10a1 1 0 0 0 1 1h3", "M9 10h8", "M14 7l3 3-3 3"],
  command: ["M4 6l4 4-4 4", "M10 14.5h6"],
  tool: ["M12.5 3.5a4 4 0 0 0-3.6 5.6L3.5 14.5l2 2 5.4-5.4a4 4 0 0 0 5.4-4.7l-2.4 2.4-2.3-.4-.4-2.3 2.4-2.4a4 4 0 0 0-1.1-.2z"],
  thought: ["M7 14.5A4.5 4.5 0 0 1 6 5.8a4.5 4.5 0 0 1 8.5 1.7 3.5 3.5 0 0 1-.5 7z", "M5.5 17h.01"],
  mail: ["M3 5h14v10H3z", "M3.5 5.5L10 10.5l6.5-5"],
  plan: ["M4 5.5h.01", "M4 10h.01", "M4 14.5h.01", "M7.5 5.5H16", "M7.5 10H16", "M7.5 14.5H16"],
  info: ["M10 17a7 7 0 1 0 0-14 7 7 0 0 0 0 14z", "M10 9.2v4", "M10 6.6h.01"],
  warn: ["M10 3.5l7 12.5H3z", "M10 8.5v3.4", "M10 13.9h.01"],
  ask: ["M10 17a7 7 0 1 0 0-14 7 7 0 0 0 0 14z", "M8 8a2 2 0 1 1 2.8 1.8c-.5.3-.8.6-.8 1.2", "M10 13.6h.01"],
  dash: ["M5 10h10"],
  ring: ["M10 15a5 5 0 1 0 0-10 5 5 0 0 0 0 10z"],
  half: ["M10 15a5 5 0 1 0 0-10 5 5 0 0 0 0 10z", "M10 10V6.5"],
  spin: ["M10 4a6 6 0 1 1-6 6"],
  skip: ["M5 5l6 5-6 5z", "M14.5 5v10"],
};

/** A drawing by name. */
export function icon(name, properties) {
  return drawing(PATHS[name] ?? PATHS.info, properties);
}

const STATES = {
  idle: ["ring", "calm"],
  open: ["ring", "calm"],
  closed: ["dash", "calm"],
  queued: ["half", "calm"],
  pending: ["half", "wait"],
  running: ["spin", "busy"],
  starting: ["spin", "busy"],
  sending: ["spin", "busy"],
  delivered: ["check", "good"],
  waiting: ["ask", "wait"],
  completed: ["check", "good"],
  done: ["check", "good"],
  fired: ["check", "good"],
  caught_up: ["check", "good"],
  ready: ["check", "good"],
  ok: ["check", "good"],
  enabled: ["check", "good"],
  active: ["check", "good"],
  accepted: ["check", "good"],
  approved: ["check", "good"],
  failed: ["cross", "bad"],
  dead: ["cross", "bad"],
  missed: ["warn", "bad"],
  denied: ["cross", "bad"],
  degraded: ["warn", "bad"],
  cancelled: ["dash", "calm"],
  skipped: ["skip", "calm"],
  expired: ["dash", "calm"],
  withdrawn: ["dash", "calm"],
  held: ["dash", "wait"],
  lost: ["warn", "bad"],
  "timed-out": ["warn", "bad"],
  paused: ["dash", "calm"],
  disabled: ["dash", "calm"],
  stopped: ["dash", "calm"],
};
const WORDS = { waiting: "waiting for you", running: "working", caught_up: "caught up" };

/** How a state looks: a drawing, a colour and a word, so that none of them has to be seen. */
export function look(state) {
  const [drawn, tone] = STATES[state] ?? ["info", "calm"];
  return { drawn, tone, word: WORDS[state] ?? String(state).replaceAll("_", " ") };
}
