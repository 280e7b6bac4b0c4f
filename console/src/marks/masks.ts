/** Personal values covered up inside larger JSON. Pure. Paths are JSON Pointers into the arguments. */
import type { Json } from "../api/wire";
import { isObject, same } from "./json";

export const MASK = "•••••";
/** Covered on both sides of a diff, yet not the same value: that it changes must not be covered too. */
export const OTHER_MASK = "••••• (another value)";

const parts = (path: string): string[] => path.split("/").slice(1).map((part) => part.replaceAll("~1", "/").replaceAll("~0", "~"));

/** "/people/0/name" as a person reads it. */
export const pathName = (path: string): string => parts(path).join(" › ");

export function valueAt(value: Json | undefined, path: string): Json | undefined {
  let at = value;
  for (const part of parts(path)) at = Array.isArray(at) ? at[Number(part)] : isObject(at) ? at[part] : undefined;
  return at;
}

/** The paths that are `at` itself or lie below it. */
export const within = (paths: readonly string[], at: string): string[] => paths.filter((path) => path === at || path.startsWith(`${at}/`));

/** A copy in which each value at one of `paths` is covered. `at` is the path of `value` itself. */
export function masked(value: Json, paths: readonly string[], at = "", cover: (path: string) => string = () => MASK): Json {
  if (within(paths, at).length === 0) return value;
  if (paths.includes(at)) return cover(at);
  if (Array.isArray(value)) return value.map((item, i) => masked(item, paths, `${at}/${i}`, cover));
  if (!isObject(value)) return value;
  const step = (name: string) => `${at}/${name.replaceAll("~", "~0").replaceAll("/", "~1")}`;
  return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, masked(item, paths, step(name), cover)]));
}

/** Both sides of a diff covered, so that a changed value still shows as changed. */
export function maskedPair(before: Json, after: Json, paths: readonly string[]): [Json, Json] {
  const changed = (path: string) => !same(valueAt(before, path), valueAt(after, path));
  return [masked(before, paths), masked(after, paths, "", (path) => (changed(path) ? OTHER_MASK : MASK))];
}
