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
  if (!sessions.has(id)) sessions.set(id, ask("session.get", { session: id }).catch(() => null));
  return sessions.get(id);
}

/** A link to a session that shows its name as soon as it is known. */
export function sessionLink(id) {
  if (!id) return null;
  const link = h("a.session-link", { href: `#/sessions/${id}` }, id);
  session(id).then((found) => found && fill(link, found.name));
  return link;
}

/** The hue by which an agent is told from others: the same for the same name. */
export function hue(name) {
  let sum = 7;
  for (const character of name) sum = (sum * 31 + character.codePointAt(0)) % 360;
  return sum - (sum % 15);
}

/** An agent's initial on its own colour. */
export function face(name) {
  const element = h("span.face", { "aria-hidden": "true" }, (name[0] ?? "?").toUpperCase());
  element.style.setProperty("--hue", hue(name));
  return element;
}
