// What sessions and terminals are called, asked once.

import { ask } from "./api.js";
import { fill, h } from "./dom.js";

const sessions = new Map();
const LIMIT = 2000;

/** Remember a session's record. */
export function learnSession(session) {
  if (sessions.size > LIMIT) sessions.clear();
  sessions.set(session.id, Promise.resolve(session));
}

/** A session by id; null where it is not to be had. */
export function session(id) {
  if (!sessions.has(id))
    sessions.set(
      id,
      ask("session.get", { session: id }).catch(() => null),
    );
  return sessions.get(id);
}

/** A link to a session, or to what else bears its name; it shows the name as soon as it is known. */
export function sessionLink(id, href = `#/sessions/${id}`) {
  if (!id) return null;
  const link = h("a.session-link", { href }, id);
  session(id).then((found) => found && fill(link, found.name));
  return link;
}

const GOLDEN = 137.5; // degrees between neighbours, so that the first few agents look least alike

/** An agent's initial, and its number where it has one, on its own colour. place: which one of its session it is. */
export function face(name, place = 0) {
  const number = /\d{1,2}$/.exec(name)?.[0] ?? "";
  const element = h("span.face", { "aria-hidden": "true" }, (name[0] ?? "?").toUpperCase(), number);
  element.style.setProperty("--hue", String((255 + place * GOLDEN) % 360));
  return element;
}
