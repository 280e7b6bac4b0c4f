/** Editing the arguments: fields or raw JSON, a list of what changes, large numbers restated. */
import { useEffect, useRef, useState } from "react";
import type { Card, Json, JsonObject } from "../api/wire";
import { keepDraft, readDraft } from "../card/drafts";
import { fieldChanges, type FieldChange } from "../diff/fields";
import { groupDigits } from "../marks/amount";
import { compact, isObject } from "../marks/json";
import { Revealed } from "../marks/revealed";
import { t } from "../words";
import { PanelForm } from "./panel_form";
import { RawInput } from "./inputs";
import { SchemaForm } from "./schema_form";
import { check } from "./schema";

export interface EditFormProps {
  card: Card;
  busy: boolean;
  serverProblems: Record<string, string>;
  onSend: (value: Json) => void;
  onClose: () => void;
}

export function EditForm({ card, busy, serverProblems, onSend, onClose }: EditFormProps) {
  const [value, setValue] = useState<Json>(() => readDraft(card.case_id).arguments ?? card.arguments);
  const [raw, setRaw] = useState(false);
  const [texts, setTexts] = useState<Record<string, string>>({});
  const [tried, setTried] = useState(false);
  const [restated, setRestated] = useState(false);
  const box = useRef<HTMLDivElement>(null);
  useEffect(() => box.current?.querySelector<HTMLElement>("input, textarea, select")?.focus(), [raw]);

  const schema: JsonObject = card.schema ?? {};
  const changes = fieldChanges(card.arguments, value).filter((change) => change.changed);
  const restatements = changes.filter(isNumber);
  const textProblems = Object.fromEntries(Object.entries(texts).filter(([, text]) => text));
  const problems = { ...(tried ? check(schema, value, schema) : {}), ...serverProblems, ...textProblems };
  const change = (next: Json) => {
    setValue(next);
    setRestated(false);
    keepDraft(card.case_id, { arguments: next });
  };
  const send = () => {
    setTried(true);
    const wrong = Object.keys({ ...check(schema, value, schema), ...textProblems }).length > 0;
    if (!wrong && changes.length > 0 && (restatements.length === 0 || restated)) onSend(value);
  };

  return (
    <PanelForm title={t.form.editTitle} onSend={send} onClose={onClose} busy={busy} label={t.form.save} disabled={changes.length === 0}>
      <div className="segments" role="group" aria-label={t.form.editTitle}>
        <button type="button" className="segment" aria-pressed={!raw} onClick={() => setRaw(false)}>{t.form.fields}</button>
        <button type="button" className="segment" aria-pressed={raw} onClick={() => setRaw(true)}>{t.form.raw}</button>
      </div>
      <div ref={box}>
        {raw ? (
          <div className="field">
            <label className="label" htmlFor="raw-arguments">{t.form.raw}</label>
            <RawInput id="raw-arguments" name="raw" described={undefined} invalid={Boolean(texts.raw)} rows={10} value={value} onChange={change} onText={(text) => setTexts({ raw: text })} />
            {texts.raw && <span className="problem">{texts.raw}</span>}
          </div>
        ) : (
          <SchemaForm schema={schema} value={value} original={card.arguments} problems={problems} onChange={change} onText={(at, text) => setTexts((before) => ({ ...before, [at]: text }))} />
        )}
      </div>
      <ChangeList changes={changes} />
      {restatements.length > 0 && (
        <label className="restate">
          <input type="checkbox" checked={restated} onChange={(event) => setRestated(event.target.checked)} />
          <span>
            {restatements.map((each) => <strong key={each.path}>{t.form.restate(`${each.path} → ${groupDigits(compact(each.after ?? null), card.amount?.currency)}`)} </strong>)}
            {t.form.confirmNumbers}
          </span>
        </label>
      )}
      {tried && Object.keys(problems).length > 0 && <p className="problem" role="alert">{t.form.fixFirst} {Object.entries(problems).map(([at, text]) => `${at || "/"}: ${text}`).join(" · ")}</p>}
    </PanelForm>
  );
}

const NUMERIC = /^-?\d+(\.\d+)?$/;
const isNumber = ({ after }: FieldChange) => typeof after === "number" || (typeof after === "string" && NUMERIC.test(after));

function ChangeList({ changes }: { changes: FieldChange[] }) {
  if (changes.length === 0) return <p className="quiet">{t.form.noChange}</p>;
  return (
    <ul className="change-list">
      {changes.map((change) => (
        <li key={change.path}>
          <code>{change.path}</code> {change.before !== undefined && <del><Revealed text={clip(change.before)} /></del>} {change.after !== undefined && <ins><Revealed text={clip(change.after)} /></ins>}
        </li>
      ))}
    </ul>
  );
}

/** The full values stand in the form above; this line is a reminder. */
function clip(value: Json): string {
  const text = isObject(value) ? JSON.stringify(value) : compact(value);
  return text.length > 60 ? `${text.slice(0, 60)}… (${text.length})` : text;
}
