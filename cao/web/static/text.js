// Words for people. Whatever an agent says comes through `clean` before it stands on the page.

const COLOURS = /\u001b\[[0-9;:]*m/g;
const HIDDEN =
  /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u061c\u200b\u200e\u200f\u202a-\u202e\u2028\u2029\u2060-\u206f\ufeff\ufff9-\ufffb\u{e0000}-\u{e007f}]/gu;

/** Text without colour codes, and with every other control, direction or invisible character made visible. */
export function clean(text) {
  return String(text).replace(/\r\n/g, "\n").replace(COLOURS, "").replace(HIDDEN, visible);
}

function visible(character) {
  const code = character.codePointAt(0);
  if (code < 0x20) return String.fromCodePoint(0x2400 + code);
  if (code === 0x7f) return "\u2421";
  return `\u2039U+${code.toString(16).toUpperCase().padStart(4, "0")}\u203a`;
}

/** One line of at most `limit` characters. */
export function short(text, limit = 120) {
  const line = clean(text).replace(/\s+/g, " ").trim();
  return line.length > limit ? line.slice(0, limit - 1).trimEnd() + "\u2026" : line;
}

const UNITS = [
  ["d", 86400],
  ["h", 3600],
  ["min", 60],
];

/** A length of time: `3 min`, `2 h`. Seconds in. */
export function span(seconds) {
  for (const [unit, size] of UNITS) if (seconds >= size) return `${Math.floor(seconds / size)} ${unit}`;
  return seconds < 10 && seconds % 1 ? `${seconds.toFixed(1)} s` : `${Math.floor(seconds)} s`;
}

/** How far a moment is from now: `3 min ago`, `in 2 h`. */
export function distance(moment) {
  const seconds = (Date.now() - new Date(moment)) / 1000;
  if (Math.abs(seconds) < 5) return "now";
  return seconds > 0 ? `${span(Math.floor(seconds))} ago` : `in ${span(Math.ceil(-seconds))}`;
}

/** A moment in full, in the reader's own zone. */
export function moment(value) {
  return new Date(value).toLocaleString(undefined, { dateStyle: "medium", timeStyle: "medium" });
}

/** The time of day, with the date where it is another one. */
export function clock(value) {
  const date = new Date(value);
  const today = date.toDateString() === new Date().toDateString();
  const options = { hour: "2-digit", minute: "2-digit", second: "2-digit", hour12: false };
  return today
    ? date.toLocaleTimeString(undefined, options)
    : date.toLocaleString(undefined, { ...options, month: "short", day: "numeric" });
}

/** `1 run`, `3 runs`. */
export function count(number, noun, many = `${noun}s`) {
  return `${number.toLocaleString()} ${number === 1 ? noun : many}`;
}

/** A field's name as a label: `catch_up` becomes `Catch up`. */
export function label(name) {
  const words = String(name).replaceAll("_", " ");
  return words.charAt(0).toUpperCase() + words.slice(1);
}

/** A time on another zone's clock, as `2026-11-23T02:30:00+01:00` says it: `Mon, Nov 23, 02:30 (+01:00)`. */
export function onClock(local) {
  const [, wall, distance] = /^(.{16})(?::\d\d)?(.*)$/.exec(local) ?? [];
  if (!wall) return local;
  const date = new Date(`${wall}:00Z`);
  if (Number.isNaN(date.valueOf())) return local;
  const options = {
    weekday: "short",
    month: "short",
    day: "numeric",
    hour: "2-digit",
    minute: "2-digit",
    hour12: false,
    timeZone: "UTC",
  };
  return `${date.toLocaleString(undefined, options)} (${distance || "UTC"})`;
}
