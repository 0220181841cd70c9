// The public HTTP API. What can be asked comes from the registry, so this file knows three operations by name: the two that
// describe the registry, and none that it must not.

/** The path under which this server stands, without a slash at the end: empty, unless another application holds it. */
export const BASE = new URL("../..", import.meta.url).pathname.replace(/\/$/, "");

const operations = new Map();
const SURFACE = { "Cao-Surface": "web" };

/** What the server refuses, or that it cannot be reached. */
export class Problem extends Error {
  constructor(body, status = 0) {
    super(body.detail ?? body.message ?? "no answer");
    this.code = body.code ?? "internal";
    this.status = status;
    this.details = body.details ?? {};
  }

  get unreachable() {
    return this.code === "unreachable";
  }
}

/** Learn what can be asked here. Throws a `Problem`, of status 401 where somebody must sign in first. */
export async function learn() {
  operations.clear();
  let cursor = null;
  do {
    const page = await exchange("GET", "/operations" + query({ limit: 200, cursor }));
    for (const one of page.items) if (one.surfaces.includes("web")) operations.set(one.name, one);
    cursor = page.next_cursor;
  } while (cursor);
}

/** Everything that this page may ask, in the order of the protocol. */
export const offered = () => [...operations.values()];

/** Whether an operation exists here; a screen hides what does not. */
export const offers = (name) => operations.has(name);

/** An operation's schemas, help and example. */
export const describe = (name) => ask("operation.get", { operation: name });

/** Call an operation. `key` makes a repeated write harmless. */
export async function ask(name, fields = {}, { key, signal } = {}) {
  const operation = operations.get(name);
  if (!operation) throw new Problem({ code: "not_found", detail: `this server has no operation ${name}` });
  const { path, body } = address(operation, fields);
  return exchange(operation.method, path, { body, key, signal });
}

/** Up to `most` items of a list, over as many pages as that takes. */
export async function listed(name, fields = {}, most = 200) {
  const items = [];
  let cursor = null;
  do {
    const page = await ask(name, { ...fields, limit: Math.min(200, most - items.length), cursor });
    items.push(...page.items);
    cursor = page.next_cursor;
  } while (cursor && items.length < most);
  return items;
}

/** A key for one intention, however often its request has to be sent. */
export function newKey() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return "web-" + [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** Where an operation's request goes: fields of the path, then the query or the body. */
function address(operation, fields) {
  const rest = { ...fields };
  const path = operation.path.replace(/{(\w+)}/g, (_, name) => {
    const value = rest[name];
    delete rest[name];
    return encodeURIComponent(value ?? "");
  });
  if (operation.method === "GET" || operation.method === "DELETE") return { path: path + query(rest) };
  const given = Object.entries(rest).filter(([, value]) => value !== undefined && value !== null);
  return { path, body: Object.fromEntries(given) };
}

function query(fields) {
  const parameters = new URLSearchParams();
  for (const [name, value] of Object.entries(fields))
    for (const one of Array.isArray(value) ? value : [value])
      if (one !== undefined && one !== null) parameters.append(name, one);
  const text = parameters.toString();
  return text && "?" + text;
}

/** One request of ours. `path` is below this server. */
export async function exchange(method, path, { body, key, signal } = {}) {
  const headers = { ...SURFACE };
  if (key) headers["Idempotency-Key"] = key;
  if (body !== undefined) headers["Content-Type"] = "application/json";
  const answer = await reach(path, { method, headers, signal, body: body === undefined ? undefined : JSON.stringify(body) });
  const text = await answer.text();
  if (!answer.ok) throw refusal(answer, text);
  return text ? JSON.parse(text) : null;
}

async function reach(path, options) {
  try {
    return await fetch(BASE + path, { credentials: "same-origin", cache: "no-store", ...options });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Problem({ code: "unreachable", detail: "the server does not answer" });
  }
}

function refusal(answer, text) {
  let body;
  try {
    body = JSON.parse(text);
  } catch {
    body = { detail: `the server answered ${answer.status}` };
  }
  const problem = new Problem(body, answer.status);
  if (answer.status === 401) dispatchEvent(new CustomEvent("cao:signed-out"));
  return problem;
}

/**
 * The items of a streaming operation, `{ type, seq, data }`, as they come. `EventSource` is not used: it hears only the types
 * that it is told beforehand, tells no status, and sends no header of ours.
 */
export async function* streamed(name, fields, { after, signal, onOpen, onByte } = {}) {
  const { path } = address(operations.get(name), fields);
  const headers = { ...SURFACE, Accept: "text/event-stream" };
  if (after >= 0) headers["Last-Event-ID"] = String(after);
  const answer = await reach(path, { headers, signal });
  if (!answer.ok) throw refusal(answer, await answer.text());
  onOpen?.();
  const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    onByte?.();
    const blocks = (rest + value).split("\n\n");
    rest = blocks.pop();
    for (const block of blocks) {
      const item = parsed(block);
      if (item) yield item;
    }
  }
}

function parsed(block) {
  const item = { type: "message", seq: null, data: "" };
  for (const line of block.split("\n")) {
    const at = line.indexOf(":");
    if (at <= 0) continue;
    const value = line.slice(at + 1).trimStart();
    if (line.startsWith("event:")) item.type = value;
    else if (line.startsWith("id:")) item.seq = Number(value);
    else if (line.startsWith("data:")) item.data += value;
  }
  if (!item.data) return item.seq === null ? null : { ...item, data: null };
  return { ...item, data: JSON.parse(item.data) };
}
