/** What an armed answer would let happen, value by value, for "…: correct?". Pure. */
import type { Card, Json } from "../api/wire";
import { fieldChanges } from "../diff/fields";
import { groupDigits, money } from "../marks/amount";
import { compact, isObject, words } from "../marks/json";
import { masked, within } from "../marks/masks";
import { t } from "../words";
import { targetText } from "./facts";
import { choiceLabel } from "./choices";
import type { Answer } from "./reviewing";

/** Longer ones stand on the card; a cut one would be worse than none. */
const SHORT = 120;
const MOST = 5;
const NUMERIC = /^-?\d+(\.\d+)?$/;

export const isNumeric = (value: Json | undefined): boolean => typeof value === "number" || (typeof value === "string" && NUMERIC.test(value));

/** Lines without their "correct?". `covered` are personal paths that must not be spelled out. */
export function restate(card: Card, answer: Answer, covered: readonly string[]): string[] {
  if (answer.verdict === "respond") return [t.restate.answer(short(choiceLabel(card, answer.value ?? null)))];
  const effect = effectOf(card, answer);
  return answer.verdict === "edit" ? [...editLines(card, answer.arguments ?? null, covered), effect] : [effect];
}

function effectOf(card: Card, answer: Answer): string {
  const amount = amountOf(card, answer.verdict === "edit" ? answer.arguments : card.arguments);
  const target = card.target === null ? "" : targetText(card);
  const what = amount ? t.restate.amount(words(card.action), amount) : words(card.action);
  const where = target && target.length <= SHORT ? t.restate.on(what, target) : what;
  return amount || card.undo.action ? where : t.restate.final(where);
}

/** The amount as the arguments would have it; an edit may change it. */
function amountOf(card: Card, given: Json | undefined): string {
  const own = isObject(given) && isNumeric(given.amount) ? given : null;
  if (own) return money(String(own.amount), typeof own.currency === "string" ? own.currency : card.amount?.currency);
  return card.amount ? money(card.amount.value, card.amount.currency) : "";
}

function editLines(card: Card, after: Json, covered: readonly string[]): string[] {
  const changes = fieldChanges(card.arguments, after).filter((change) => change.changed);
  const lines = changes.map(({ path, at, after: value }) => {
    const name = path || t.card.arguments;
    if (value === undefined) return t.restate.gone(name);
    if (covered.includes(at)) return t.restate.changed(name);
    if (isNumeric(value)) return t.restate.to(name, groupDigits(String(value), card.amount?.currency));
    const text = compact(masked(value, within(covered, at), at));
    return text.length <= SHORT / 2 ? t.restate.to(name, text) : t.restate.changed(name);
  });
  return lines.length > MOST ? [...lines.slice(0, MOST), t.restate.more(lines.length - MOST)] : lines;
}

const short = (text: string): string => (text.length > SHORT ? t.restate.long(text.length) : text);
