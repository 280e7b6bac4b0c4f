/** May these cases be one batch, and where do they differ? Pure. */
import type { CaseDetail, Json, Verdict } from "../api/wire";
import { fieldChanges } from "../diff/fields";
import { isObject, same } from "../marks/json";
import { masked, within } from "../marks/masks";
import { t } from "../words";

export const MOST = 20;

/** Why not; empty when they may. */
export function refusal(details: CaseDetail[]): string {
  const [first] = details;
  if (!first || details.length < 2) return t.batch.reasons.few;
  if (details.length > MOST) return t.batch.reasons.many;
  if (details.some(({ card }) => card.high_stakes)) return t.batch.reasons.stakes;
  if (details.some(({ card }) => card.action !== first.card.action || card.shape !== first.card.shape)) return t.batch.reasons.shape;
  const verdicts = (each: CaseDetail) => [...each.card.verdicts].sort().join();
  return details.some((each) => verdicts(each) !== verdicts(first)) ? t.batch.reasons.verdicts : "";
}

export const allowed = (details: CaseDetail[], verdict: Verdict): boolean => details.every(({ card }) => card.verdicts.includes(verdict));

/** Field by field. `covered` are the personal paths, whose values are not spelled out. */
const flatten = (value: Json, covered: readonly string[] = []): Map<string, Json> =>
  new Map(fieldChanges(isObject(value) ? {} : value, value).map((each) => [each.path || "value", masked(each.after ?? null, within(covered, each.at), each.at)]));

/** The values all share, and the paths in which they differ. Personal values are compared, but covered. */
export function compare(details: CaseDetail[]): { shared: [string, Json][]; differing: string[]; values: Map<string, Json>[] } {
  const values = details.map(({ card }) => flatten(card.arguments));
  const shown = details.map(({ card }) => flatten(card.arguments, card.personal_data));
  const paths = [...new Set(values.flatMap((each) => [...each.keys()]))];
  const isShared = (path: string) => values.every((each) => same(each.get(path), values[0]?.get(path)));
  return {
    shared: paths.filter(isShared).map((path): [string, Json] => [path, shown[0]?.get(path) ?? null]),
    differing: paths.filter((path) => !isShared(path)),
    values: shown,
  };
}

/** One row in five, at least one, must be opened before the commit; which ones is chance. */
export function rowsToOpen(ids: string[], random: () => number): string[] {
  const pool = [...ids];
  const count = Math.max(1, Math.ceil(ids.length / 5));
  return Array.from({ length: Math.min(count, pool.length) }, () => pool.splice(Math.floor(random() * pool.length), 1)[0] as string);
}
