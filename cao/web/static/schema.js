// What a field of a request wants, read from its JSON Schema, and how its text becomes the value.

const LONG = 1000; // characters from which a text gets several lines
const PROSE = /^(text|prompt|message|body|question|script|content|template)$/;

/** The fields of a request, in order: what each is called, what it wants, and whether it must be given. */
export function fieldsOf(schema) {
  const required = new Set(schema.required ?? []);
  return Object.entries(schema.properties ?? {}).map(([name, raw]) => {
    const { wanted, optional } = resolve(raw, schema);
    return {
      name,
      kind: kindOf(name, wanted),
      required: required.has(name),
      optional,
      wanted,
      help: raw.description ?? wanted.description ?? "",
      preset: raw.default,
      /** The fields of a record, or of each of several. */
      inside: () => fieldsOf({ ...(wanted.items ?? wanted), $defs: schema.$defs }),
    };
  });
}

function resolve(raw, schema) {
  if (raw.$ref) return resolve(definition(raw.$ref, schema), schema);
  if (raw.allOf?.length === 1) return resolve({ ...raw.allOf[0] }, schema);
  const options = raw.anyOf ?? raw.oneOf;
  if (!options) return { wanted: inner(raw, schema), optional: false };
  const real = options.filter((option) => option.type !== "null");
  const optional = real.length < options.length;
  if (real.length === 1) return { wanted: resolve(real[0], schema).wanted, optional };
  return { wanted: { anyOf: real }, optional };
}

function inner(raw, schema) {
  if (raw.type !== "array" || !raw.items?.$ref) return raw;
  return { ...raw, items: definition(raw.items.$ref, schema) };
}

const definition = (reference, schema) => schema.$defs?.[reference.split("/").at(-1)] ?? {};

function kindOf(name, wanted) {
  if (wanted.enum) return "choice";
  if (wanted.const !== undefined) return "fixed";
  switch (wanted.type) {
    case "boolean":
      return "switch";
    case "integer":
    case "number":
      return "number";
    case "string":
      if (wanted.format === "password" || wanted.writeOnly) return "secret";
      if (wanted.format === "date-time") return "moment";
      return PROSE.test(name) || (wanted.maxLength > LONG && !/path|directory|file|url/.test(name)) ? "prose" : "line";
    case "array":
      if (wanted.items?.properties) return "records";
      return wanted.items?.enum ? "several" : simple(wanted.items) ? "lines" : "json";
    case "object":
      if (wanted.properties) return "record";
      return named(wanted) ? "pairs" : "json";
    default:
      return "json";
  }
}

const simple = (items) => items?.type === "string";
const named = (wanted) =>
  !wanted.properties && (Object.values(wanted.patternProperties ?? {})[0] ?? wanted.additionalProperties)?.type === "string";

/** The value of what somebody entered; undefined where nothing was. Throws a `SyntaxError` for what cannot be read. */
export function valueOf(field, entered) {
  if (field.kind === "switch")
    return field.optional
      ? { "": undefined, yes: true, no: false }[entered]
      : entered === (field.preset ?? false)
        ? undefined
        : entered;
  if (field.kind === "fixed") return field.wanted.const;
  if (field.kind === "several") return entered.length ? entered : undefined;
  const text = field.kind === "prose" ? entered : entered.trim();
  if (text === "") return undefined;
  if (field.kind === "number") return Number(text);
  if (field.kind === "moment") return new Date(text).toISOString();
  if (field.kind === "lines") return lines(text);
  if (field.kind === "pairs") return Object.fromEntries(lines(text).map(pair));
  return field.kind === "json" ? JSON.parse(text) : text;
}

const lines = (text) =>
  text
    .split("\n")
    .map((line) => line.trim())
    .filter(Boolean);

function pair(line) {
  const at = line.indexOf("=");
  if (at < 1) throw new SyntaxError(`write name=value, one on a line: ${line}`);
  return [line.slice(0, at).trim(), line.slice(at + 1).trim()];
}

/** What a control shows for a value that is there already. */
export function textOf(field, value) {
  if (value === undefined || value === null) return "";
  if (field.kind === "lines") return value.join("\n");
  if (field.kind === "pairs")
    return Object.entries(value)
      .map(([name, one]) => `${name}=${one}`)
      .join("\n");
  if (field.kind === "json") return JSON.stringify(value, null, 2);
  if (field.kind === "moment") return local(value);
  return typeof value === "boolean" ? (value ? "yes" : "no") : String(value);
}

/** A moment as `datetime-local` fields have it: on the reader's clock. */
function local(value) {
  const date = new Date(value);
  return new Date(date - date.getTimezoneOffset() * 60000).toISOString().slice(0, 16);
}
