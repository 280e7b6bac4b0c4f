/** Editing the arguments: fields or raw JSON, a list of what changes, large numbers restated. */
import { useEffect, useRef, useState } from "react";
import type { Json, JsonObject } from "../api/wire";
import { keepDraft, readDraft } from "../card/drafts";
import { Covered, CoveredInside, useCovered } from "../card/personal";
import { isNumeric } from "../card/restate";
import { fieldChanges, type FieldChange } from "../diff/fields";
import { groupDigits } from "../marks/amount";
import { compact } from "../marks/json";
import { masked, pathName, within } from "../marks/masks";
import { Revealed } from "../marks/revealed";
import { t } from "../words";
import type { RunningFormProps } from "./answer_forms";
import { PanelForm } from "./panel_form";
import { RawInput } from "./inputs";
import { SchemaForm } from "./schema_form";
import { check } from "./schema";

interface EditFormProps extends RunningFormProps {
  /** the action was let through before anybody looked */
  after: boolean;
}

export function EditForm({ card, busy, after, serverProblems, armed, onDisarm, onSend, onClose }: EditFormProps) {
  const [value, setValue] = useState<Json>(() => readDraft(card.case_id).arguments ?? card.arguments);
  const [raw, setRaw] = useState(false);
  const [texts, setTexts] = useState<Record<string, string>>({});
  const [tried, setTried] = useState(false);
  const [restated, setRestated] = useState(false);
  const covered = useCovered(card);
  const box = useRef<HTMLDivElement>(null);
  const tick = useRef<HTMLInputElement>(null);
  useEffect(() => box.current?.querySelector<HTMLElement>("input, textarea, select")?.focus(), [raw]);

  const schema: JsonObject = card.schema ?? {};
  const changes = fieldChanges(card.arguments, value).filter((change) => change.changed);
  // when the stakes are high the armed bar restates every change
  const restatements = card.high_stakes ? [] : changes.filter((change) => isNumeric(change.after));
  const textProblems = Object.fromEntries(Object.entries(texts).filter(([, text]) => text));
  const problems = { ...(tried ? check(schema, value, schema) : {}), ...serverProblems, ...textProblems };
  const change = (next: Json) => {
    setValue(next);
    onDisarm();
    setRestated(false);
    keepDraft(card.case_id, { arguments: next });
  };
  const write = (at: string, text: string) => {
    onDisarm();
    setTexts((before) => ({ ...before, [at]: text }));
  };
  const send = () => {
    setTried(true);
    const wrong = Object.keys({ ...check(schema, value, schema), ...textProblems }).length > 0;
    if (wrong || changes.length === 0) return;
    if (restatements.length === 0 || restated) onSend(value);
    else tick.current?.focus();
  };

  const cover = (at: string) => (covered.includes(at) ? <Covered card={card} path={at} /> : null);

  return (
    <PanelForm title={t.form.editTitle} onSend={send} onClose={onClose} busy={busy} armed={armed} onDisarm={onDisarm} label={after ? t.form.saveAfter : t.form.save} disabled={changes.length === 0}>
      {after && <p className="notice">{t.form.after(card.undo.action)}</p>}
      <div className="segments" role="group" aria-label={t.form.editTitle}>
        <button type="button" className="segment" aria-pressed={!raw} onClick={() => setRaw(false)}>{t.form.fields}</button>
        <button type="button" className="segment" aria-pressed={raw} onClick={() => setRaw(true)}>{t.form.raw}</button>
      </div>
      <div ref={box}>
        {raw && covered.length > 0 ? (
          <div className="field">
            <p className="quiet">{t.form.rawCovered}</p>
            <CoveredInside card={card} paths={covered} />
          </div>
        ) : raw ? (
          <div className="field">
            <label className="label" htmlFor="raw-arguments">{t.form.raw}</label>
            <RawInput id="raw-arguments" name="raw" described={undefined} invalid={Boolean(texts.raw)} rows={10} value={value} onChange={change} onText={(text) => { onDisarm(); setTexts({ raw: text }); }} />
            {texts.raw && <span className="problem">{texts.raw}</span>}
          </div>
        ) : (
          <SchemaForm schema={schema} value={value} original={card.arguments} problems={problems} onChange={change} onText={write} cover={cover} />
        )}
      </div>
      <ChangeList changes={changes} covered={covered} />
      {restatements.length > 0 && (
        <label className="restate">
          <input ref={tick} type="checkbox" checked={restated} onChange={(event) => setRestated(event.target.checked)} />
          <span>
            {restatements.map((each) => <strong key={each.path}>{t.form.restate(`${each.path} → ${groupDigits(compact(each.after ?? null), card.amount?.currency)}`)} </strong>)}
            {t.form.confirmNumbers}
            {tried && !restated && <span className="problem" role="alert"> {t.form.tickFirst}</span>}
          </span>
        </label>
      )}
      {tried && Object.keys(problems).length > 0 && <p className="problem" role="alert">{t.form.fixFirst} {Object.entries(problems).map(([at, text]) => `${at ? `${pathName(at)}: ` : ""}${text}`).join(" · ")}</p>}
    </PanelForm>
  );
}

function ChangeList({ changes, covered }: { changes: FieldChange[]; covered: readonly string[] }) {
  if (changes.length === 0) return <p className="quiet">{t.form.noChange}</p>;
  return (
    <ul className="change-list">
      {changes.map((change) => (
        <li key={change.path}>
          <code>{change.path}</code> {change.before !== undefined && <del><Revealed text={clip(masked(change.before, within(covered, change.at), change.at))} /></del>} {change.after !== undefined && <ins><Revealed text={clip(masked(change.after, within(covered, change.at), change.at))} /></ins>}
        </li>
      ))}
    </ul>
  );
}

/** The full values stand in the form above; this line is a reminder. */
function clip(value: Json): string {
  const text = compact(value);
  return text.length > 60 ? `${text.slice(0, 60)}… (${text.length})` : text;
}
