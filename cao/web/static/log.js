// The end of the event log: a listing reads it forwards, and a person wants what is newest.

import { ask } from "./api.js";

const PAGE = 200;
const REACH = 1500; // numbers that are looked through at first

/**
 * The newest events that fit `fields` (as `event.list` takes them) up to the number `last`: at least `enough`, where there are
 * so many, and at most `most`, by looking back further and further. `from` is the number after which they are complete.
 */
export async function newest(fields, last, { enough, most }) {
  let [events, from, reach] = [[], last, REACH];
  while (from > 0 && events.length < enough) {
    const start = Math.max(0, last - reach);
    events = [...(await between(fields, start, from)), ...events];
    from = start;
    reach *= 4;
  }
  if (events.length > most) {
    events = events.slice(-most);
    from = events[0].seq - 1;
  }
  return { events, from };
}

/** All events that fit, after one number and up to another. */
export async function between(fields, after, until) {
  const events = [];
  let cursor = null;
  do {
    const page = await ask("event.list", { ...fields, after, limit: PAGE, cursor });
    events.push(...page.items);
    cursor = page.next_cursor;
  } while (cursor && events.at(-1).seq < until);
  return events.filter((event) => event.seq <= until);
}
