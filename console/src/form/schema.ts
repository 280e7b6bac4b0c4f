/** JSON Schema as far as a form needs it. The server validates for good; this only helps early. Pure. */
import type { Json, JsonObject } from "../api/wire";
import { isObject, pointer, same } from "../marks/json";
import { t } from "../words";

export type Kind = "object" | "array" | "string" | "number" | "integer" | "boolean" | "null" | "choice" | "raw";
export type Path = (string | number)[];

/** Follow local references (`#/$defs/…`), at most sixteen deep; anything else is left as it is. */
export function resolve(schema: JsonObject, root: JsonObject): JsonObject {
  let at = schema;
  for (let hops = 0; hops < 16 && typeof at.$ref === "string"; hops += 1) {
    const found = lookUp(root, at.$ref);
    if (!found) return {};
    const { $ref: _, ...rest } = at;
    at = { ...found, ...rest };
  }
  return withoutNull(at);
}

function lookUp(root: JsonObject, ref: string): JsonObject | null {
  if (!ref.startsWith("#/")) return null;
  let at: Json | undefined = root;
  for (const part of ref.slice(2).split("/")) {
    const key = part.replaceAll("~1", "/").replaceAll("~0", "~");
    at = isObject(at) ? at[key] : undefined;
  }
  return isObject(at) ? at : null;
}

/** `anyOf: [X, null]`, as pydantic writes Optional, is X that may be null. */
function withoutNull(schema: JsonObject): JsonObject {
  const options = Array.isArray(schema.anyOf) ? schema.anyOf : Array.isArray(schema.oneOf) ? schema.oneOf : null;
  if (!options) return schema;
  const real = options.filter((option) => isObject(option) && option.type !== "null");
  if (real.length !== 1 || real.length === options.length || !isObject(real[0])) return schema;
  const { anyOf: _a, oneOf: _o, ...rest } = schema;
  return { ...real[0], ...rest, nullable: true };
}

export function kindOf(schema: JsonObject, value: Json | undefined): Kind {
  if (Array.isArray(schema.enum)) return "choice";
  const types = Array.isArray(schema.type) ? schema.type.filter((type) => type !== "null") : [schema.type];
  const type = types.length === 1 ? types[0] : undefined;
  if (typeof type === "string" && ["object", "array", "string", "number", "integer", "boolean", "null"].includes(type)) {
    return type === "array" && !isObject(schema.items) && !Array.isArray(value) ? "raw" : (type as Kind);
  }
  if (isObject(schema.properties)) return "object";
  if (plainUnion(schema)) return kindOfValue(value);
  if (schema.anyOf || schema.oneOf || schema.allOf) return "raw";
  return kindOfValue(value);
}

/** `anyOf: [number, string]`, as pydantic writes Decimal: the value keeps the type that it has. */
function plainUnion(schema: JsonObject): boolean {
  return Array.isArray(schema.anyOf) && !schema.allOf && schema.anyOf.every((option) => isObject(option) && (option.type === "string" || option.type === "number" || option.type === "integer"));
}

function kindOfValue(value: Json | undefined): Kind {
  if (Array.isArray(value)) return "array";
  if (isObject(value)) return "object";
  if (typeof value === "number") return "number";
  if (typeof value === "boolean") return "boolean";
  return typeof value === "string" ? "string" : "raw";
}

export const nullable = (schema: JsonObject): boolean =>
  schema.nullable === true || (Array.isArray(schema.type) && schema.type.includes("null"));

export const requiredOf = (schema: JsonObject): string[] =>
  Array.isArray(schema.required) ? schema.required.filter((name) => typeof name === "string") : [];

export const propertiesOf = (schema: JsonObject): Record<string, JsonObject> =>
  isObject(schema.properties) ? Object.fromEntries(Object.entries(schema.properties).map(([name, each]) => [name, isObject(each) ? each : {}])) : {};

/** A first value for something that is added. */
export function blank(schema: JsonObject, root: JsonObject): Json {
  const resolved = resolve(schema, root);
  if (resolved.default !== undefined) return resolved.default;
  switch (kindOf(resolved, undefined)) {
    case "choice":
      return (resolved.enum as Json[])[0] ?? null;
    case "object":
      return Object.fromEntries(requiredOf(resolved).map((name) => [name, blank(propertiesOf(resolved)[name] ?? {}, root)]));
    case "array":
      return [];
    case "number":
    case "integer":
      return typeof resolved.minimum === "number" ? resolved.minimum : 0;
    case "boolean":
      return false;
    case "null":
      return null;
    default:
      return "";
  }
}

/** Problems by JSON Pointer. Checks types, required, bounds, enums and patterns; leaves the rest to the server. */
export function check(given: JsonObject, value: Json | undefined, root: JsonObject, path: Path = []): Record<string, string> {
  const schema = resolve(given, root);
  const at = pointer(path);
  if (value === undefined) return {};
  if (value === null && nullable(schema)) return {};
  const kind = kindOf(schema, value);
  if (kind === "choice") return (schema.enum as Json[]).some((each) => same(each, value)) ? {} : { [at]: t.form.missing };
  if (kind === "object" && isObject(value)) return checkObject(schema, value, root, path);
  if (kind === "array" && Array.isArray(value)) {
    const item = isObject(schema.items) ? schema.items : {};
    return Object.assign({}, ...value.map((each, i) => check(item, each, root, [...path, i])));
  }
  const problem = kind === "string" ? checkString(schema, value) : kind === "number" || kind === "integer" ? checkNumber(schema, value, kind) : "";
  return problem ? { [at]: problem } : {};
}

function checkObject(schema: JsonObject, value: JsonObject, root: JsonObject, path: Path): Record<string, string> {
  const problems: Record<string, string> = {};
  for (const name of requiredOf(schema)) if (value[name] === undefined) problems[pointer([...path, name])] = t.form.missing;
  for (const [name, each] of Object.entries(propertiesOf(schema))) Object.assign(problems, check(each, value[name], root, [...path, name]));
  return problems;
}

function checkString(schema: JsonObject, value: Json): string {
  if (typeof value !== "string") return t.form.missing;
  if (typeof schema.minLength === "number" && value.length < schema.minLength) return t.form.tooShort(schema.minLength);
  if (typeof schema.maxLength === "number" && value.length > schema.maxLength) return t.form.tooLong(schema.maxLength);
  if (typeof schema.pattern === "string" && schema.pattern.length < 200 && value.length < 1_000 && !matches(schema.pattern, value)) return t.form.wrongPattern;
  return "";
}

function matches(pattern: string, value: string): boolean {
  try {
    return new RegExp(pattern, "u").test(value);
  } catch {
    return true;
  }
}

function checkNumber(schema: JsonObject, value: Json, kind: Kind): string {
  if (typeof value !== "number") return t.form.wrongNumber;
  if (kind === "integer" && !Number.isInteger(value)) return t.form.wrongInteger;
  if (typeof schema.minimum === "number" && value < schema.minimum) return t.form.tooSmall(schema.minimum);
  if (typeof schema.maximum === "number" && value > schema.maximum) return t.form.tooLarge(schema.maximum);
  return "";
}
