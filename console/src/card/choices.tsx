/** Annotation and comparison: one key, one answer. */
import type { Card, Json } from "../api/wire";
import { Picture } from "../evidence/picture";
import { useDigits } from "../keys/keymap";
import { compact, isObject, same } from "../marks/json";
import { LongText } from "../marks/long_text";
import { Revealed } from "../marks/revealed";
import { t } from "../words";
import { Personal } from "./personal";
import type { Answer } from "./reviewing";

/** Labels that are digits keep their own key; other labels get 1–9, then 0. */
export function choiceKeys(choices: Json[]): string[] {
  const names = choices.map(compact);
  if (names.every((name) => /^\d$/.test(name))) return names;
  return names.map((_, i) => (i < 9 ? String(i + 1) : i === 9 ? "0" : ""));
}

interface ChoicesProps {
  card: Card;
  busy: boolean;
  active: boolean;
  /** on a high-stakes card, the answer that waits for its second key */
  armed: Answer | null;
  onPick: (value: Json) => void;
}

export function Choices({ card, busy, active, armed, onPick }: ChoicesProps) {
  const choices = card.choices ?? [];
  const keys = choiceKeys(choices);
  const suggestion = suggestionOf(card);
  const isSuggestion = (choice: Json) => suggestion !== undefined && same(choice, suggestion);
  const isArmed = (choice: Json) => (armed?.verdict === "approve" ? isSuggestion(choice) : armed?.verdict === "respond" && same(choice, armed.value));
  useDigits((digit) => {
    const index = keys.indexOf(digit);
    if (index >= 0) onPick(choices[index] as Json);
  }, active && !busy);
  return (
    <section className="choices" aria-label={t.pick.title}>
      {choices.map((choice, i) => (
        <button key={i} type="button" className={isSuggestion(choice) ? "choice suggested" : "choice"} aria-pressed={card.high_stakes ? isArmed(choice) : undefined} disabled={busy || !active} onClick={() => onPick(choice)}>
          <kbd aria-hidden="true">{keys[i]}</kbd>
          <span><Revealed text={choiceLabel(card, choice)} /></span>
          {isSuggestion(choice) && <small>{t.pick.suggestion}</small>}
        </button>
      ))}
    </section>
  );
}

/** A comparison's usual answers in words; what anybody else offers to pick from stands as it is. */
export function choiceLabel(card: Card, choice: Json): string {
  const said = compact(choice);
  return (card.kind === "comparison" ? t.pick.comparison[said] : undefined) ?? said;
}

/** The model's own answer, which the server leaves out of a blind card. */
export function suggestionOf(card: Card): Json | undefined {
  return isObject(card.arguments) && !card.blind ? card.arguments.suggestion : undefined;
}

/** Drawn above, or offered as keys; everything else an annotation carries is listed like any argument. */
const DRAWN: Record<string, string[]> = {
  annotation: ["image", "text", "suggestion", "choices", "answer_schema"],
  comparison: ["prompt", "a", "b", "options", "suggestion", "choices", "answer_schema"],
};

export function restOf(card: Card): Card | null {
  if (!isObject(card.arguments)) return card;
  const rest = Object.entries(card.arguments).filter(([name]) => !DRAWN[card.kind]?.includes(name));
  return rest.length > 0 ? { ...card, arguments: Object.fromEntries(rest) } : null;
}

export function Subject({ card, blurred }: { card: Card; blurred: boolean }) {
  const given = isObject(card.arguments) ? card.arguments : {};
  const kind = blurred ? "subject blurred" : "subject";
  if (card.kind === "comparison") return <Comparison card={card} given={given} kind={kind} />;
  return (
    <div className={kind}>
      {typeof given.image === "string" && <Personal card={card} path="/image"><Picture data={given.image} label={t.pick.image} /></Personal>}
      {typeof given.text === "string" && <Personal card={card} path="/text"><LongText text={given.text} name="text" /></Personal>}
    </div>
  );
}

function Comparison({ card, given, kind }: { card: Card; given: { [key: string]: Json }; kind: string }) {
  return (
    <div className={kind}>
      {given.prompt !== undefined && <div className="prompt"><span className="fact-name">{t.pick.prompt}</span><Personal card={card} path="/prompt"><LongText text={compact(given.prompt)} name={t.pick.prompt} /></Personal></div>}
      <div className="sides">
        {(["a", "b"] as const).map((side) => (
          <article key={side} className="side" aria-label={t.pick.side(side)}>
            <h2>{side.toUpperCase()}</h2>
            <Personal card={card} path={`/${side}`}><LongText text={compact(given[side] ?? "")} name={t.pick.side(side)} /></Personal>
          </article>
        ))}
      </div>
    </div>
  );
}
