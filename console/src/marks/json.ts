/** Questions about JSON values that several places ask. */
import type { Json, JsonObject } from "../api/wire";

export const isObject = (value: Json | undefined): value is JsonObject =>
  typeof value === "object" && value !== null && !Array.isArray(value);

export const pretty = (value: Json): string => (typeof value === "string" ? value : JSON.stringify(value, null, 2));

export const compact = (value: Json): string => (typeof value === "string" ? value : JSON.stringify(value));

/** Equal as JSON; the order of keys does not matter. */
export function same(a: Json | undefined, b: Json | undefined): boolean {
  if (a === b) return true;
  if (Array.isArray(a) && Array.isArray(b)) return a.length === b.length && a.every((item, i) => same(item, b[i]));
  if (isObject(a) && isObject(b)) {
    const keys = Object.keys(a);
    return keys.length === Object.keys(b).length && keys.every((key) => key in b && same(a[key], b[key]));
  }
  return false;
}

/** "to_account" as "to account". */
export const words = (name: string): string => name.replaceAll(/[_-]+/g, " ");

/** The server's summary begins with the action, which every place here already says. */
export const summaryOf = (row: { action: string; summary: string }): string =>
  row.summary.startsWith(`${row.action}: `) ? row.summary.slice(row.action.length + 2) : row.summary;

export const pointer = (path: (string | number)[]): string =>
  path.map((part) => `/${String(part).replaceAll("~", "~0").replaceAll("/", "~1")}`).join("");
