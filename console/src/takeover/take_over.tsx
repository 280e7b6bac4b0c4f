/** Taking a step over, and the form in which its result is handed back. */
import { useEffect, useRef, useState, type KeyboardEvent } from "react";
import type { Card, Json } from "../api/wire";
import { dropDraft, keepDraft, readDraft } from "../card/drafts";
import { RawInput } from "../form/inputs";
import { PanelForm } from "../form/panel_form";
import { blank, check } from "../form/schema";
import { SchemaForm } from "../form/schema_form";
import { clockTime } from "../marks/time";
import { t } from "../words";
import type { Holding, TakeOver } from "./holding";

const w = t.takeOver;
const LONGER = 3600;

/** Asks first: of an approved step it is the single use. */
export function TakeOverForm({ over, onTaken, onClose }: { over: TakeOver; onTaken: () => void; onClose: () => void }) {
  const [seconds, setSeconds] = useState<number>(w.holds[0][0]);
  return (
    <PanelForm title={w.title} label={w.go} busy={over.busy} onSend={() => void over.take(seconds).then((taken) => taken && onTaken())} onClose={onClose}>
      <p>{over.approved ? w.approved : w.open}</p>
      <label className="field">
        <span className="label">{w.hold}</span>
        <select value={seconds} onChange={(event) => setSeconds(Number(event.target.value))}>
          {w.holds.map(([value, name]) => <option key={value} value={value}>{name}</option>)}
        </select>
      </label>
    </PanelForm>
  );
}

export function HandBack({ card, mine, over }: { card: Card; mine: Holding; over: TakeOver }) {
  const form = useRef<HTMLFormElement>(null);
  const schema = card.answer_schema ?? null;
  const [raw, setRaw] = useState(false);
  const [value, setValue] = useState<Json>(() => readDraft(card.case_id).value ?? (schema ? blank(schema, schema) : ""));
  const [texts, setTexts] = useState<Record<string, string>>({});
  const [note, setNote] = useState("");
  const [tried, setTried] = useState(false);
  const [sure, setSure] = useState(false);
  useEffect(() => {
    form.current?.scrollIntoView({ block: "nearest" });
    form.current?.querySelector<HTMLElement>("textarea, input, select")?.focus({ preventScroll: true });
  }, []);
  const wrong = Object.fromEntries(Object.entries(texts).filter(([, text]) => text));
  const checked = schema ? check(schema, value, schema) : {};
  const problems = { ...(tried ? checked : {}), ...wrong };
  const change = (next: Json) => {
    setValue(next);
    keepDraft(card.case_id, { value: next });
  };
  const send = () => {
    setTried(true);
    if (!over.busy && Object.keys({ ...checked, ...wrong }).length === 0) void over.hand(value, note.trim()).then((done) => done && dropDraft(card.case_id));
  };
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey) || event.repeat) return;
    event.preventDefault();
    send();
  };
  const switchTo = (next: boolean) => {
    setTexts({});
    if (!next && !schema && typeof value !== "string") change(JSON.stringify(value));
    setRaw(next);
  };
  return (
    <form ref={form} className="panel taken" aria-label={w.handTitle} onKeyDown={onKeyDown} onSubmit={(event) => { event.preventDefault(); send(); }}>
      <p className="notice" role="status">{w.yours(clockTime(mine.expires_at))}</p>
      <h3>{w.handTitle}</h3>
      <div className="segments" role="group" aria-label={w.as}>
        <button type="button" className="segment" aria-pressed={!raw} onClick={() => switchTo(false)}>{schema ? w.fields : w.text}</button>
        <button type="button" className="segment" aria-pressed={raw} onClick={() => switchTo(true)}>{t.form.raw}</button>
      </div>
      {raw ? (
        <div className="field">
          <label className="label" htmlFor="taken-raw">{w.result}</label>
          <RawInput id="taken-raw" name="result" described={texts.raw ? "taken-raw-problem" : undefined} invalid={Boolean(texts.raw)} rows={5} value={value} onChange={change} onText={(text) => setTexts({ raw: text })} />
          {texts.raw && <span className="problem" id="taken-raw-problem">{texts.raw}</span>}
        </div>
      ) : schema ? (
        <SchemaForm schema={schema} value={value} original={undefined} problems={problems} onChange={change} onText={(at, text) => setTexts((before) => ({ ...before, [at]: text }))} />
      ) : (
        <label className="field">
          <span className="label">{w.result}</span>
          <textarea rows={4} value={typeof value === "string" ? value : JSON.stringify(value)} onChange={(event) => change(event.target.value)} />
        </label>
      )}
      {mine.held === "claim" && (
        <label className="field">
          <span className="label">{w.note} <span className="quiet">· {t.form.noteOptional}</span></span>
          <input value={note} autoComplete="off" onChange={(event) => setNote(event.target.value)} />
        </label>
      )}
      {tried && Object.keys(problems).length > 0 && <p className="problem" role="alert">{t.form.fixFirst}</p>}
      <div className="panel-actions">
        <button type="submit" className="primary" disabled={over.busy}>{w.hand} <kbd className="hint" aria-hidden="true">Ctrl ⏎</kbd></button>
        {mine.held === "claim" && <button type="button" disabled={over.busy} onClick={() => void over.take(LONGER)}>{w.longer}</button>}
        {sure ? (
          <>
            <button type="button" className="danger" disabled={over.busy} onClick={() => void over.give().then((done) => done && dropDraft(card.case_id))}>{mine.held === "claim" ? w.sureOpen : w.sureUsed}</button>
            <button type="button" className="ghost" onClick={() => setSure(false)}>{w.keep}</button>
          </>
        ) : (
          <button type="button" className="ghost" onClick={() => setSure(true)}>{w.give}</button>
        )}
      </div>
    </form>
  );
}
