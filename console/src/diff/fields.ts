/** Two JSON values, field by field. */
import type { Json } from "../api/wire";
import { isObject, pointer, same } from "../marks/json";

export interface FieldChange {
  path: string;
  /** the same as a JSON Pointer */
  at: string;
  before: Json | undefined;
  after: Json | undefined;
  changed: boolean;
}

/** Objects are walked into; everything else is compared whole. */
export function fieldChanges(before: Json | undefined, after: Json | undefined, path = "", at = ""): FieldChange[] {
  if (isObject(before) && isObject(after)) {
    const keys = [...new Set([...Object.keys(before), ...Object.keys(after)])];
    return keys.flatMap((key) => fieldChanges(before[key], after[key], path ? `${path}.${key}` : key, at + pointer([key])));
  }
  return [{ path, at, before, after, changed: !same(before, after) }];
}
