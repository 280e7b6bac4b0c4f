/** Reject, abstain, escalate: a reason. Redirect: an instruction. Respond: a value. */
import { useState } from "react";
import type { Card, Json } from "../api/wire";
import { keepDraft, readDraft } from "../card/drafts";
import { useLettersOff } from "../keys/bindings";
import { useDigits } from "../keys/keymap";
import { KEYLESS, useMedia } from "../ui/media";
import { t } from "../words";
import { PanelForm } from "./panel_form";
import { SchemaForm } from "./schema_form";
import { blank, check } from "./schema";

export interface Code {
  code: string;
  label: string;
}

interface FormProps {
  card: Card;
  busy: boolean;
  onClose: () => void;
}

/** What lets something run: armed first when the stakes are high, and disarmed by any change. */
export interface RunningFormProps extends FormProps {
  serverProblems: Record<string, string>;
  armed: boolean;
  onDisarm: () => void;
  onSend: (value: Json) => void;
}

interface ReasonFormProps extends FormProps {
  title: string;
  label: string;
  codes: Code[];
  onSend: (reason: string, note: string) => void;
}

/** A number key sends at once, so rejecting is never slower than approving; "other" needs words. */
export function ReasonForm({ card, title, label, codes, busy, onSend, onClose }: ReasonFormProps) {
  const draft = readDraft(card.case_id);
  const [code, setCode] = useState(draft.reason && codes.some((each) => each.code === draft.reason) ? draft.reason : "");
  const [note, setNote] = useState(draft.note ?? "");
  const [problem, setProblem] = useState("");
  const send = (chosen: string) => {
    if (!chosen || (chosen === "other" && note.trim() === "")) return setProblem(t.form.noteNeeded);
    onSend(chosen, note.trim());
  };
  const choose = (chosen: string) => {
    setCode(chosen);
    setProblem("");
    keepDraft(card.case_id, { reason: chosen });
  };
  const keyless = useMedia(KEYLESS);
  const numbered = !useLettersOff() && !keyless;
  useDigits((digit) => {
    const picked = codes[Number(digit) - 1];
    if (!picked) return;
    choose(picked.code);
    if (picked.code === "other" && note.trim() === "") document.getElementById("reason-note")?.focus();
    else send(picked.code);
  }, !busy);
  return (
    <PanelForm title={title} label={label} busy={busy} focusSelf onSend={() => send(code)} onClose={onClose}>
      {numbered && <p className="quiet">{t.form.rejectHint}</p>}
      <div className="reason-codes" role="radiogroup" aria-label={t.form.reason}>
        {codes.map((each, i) => (
          <label key={each.code} className="reason-code">
            <input type="radio" name="reason" checked={code === each.code} onChange={() => choose(each.code)} />
            {numbered && <kbd>{i + 1}</kbd>} {each.label}
          </label>
        ))}
      </div>
      <label className="field">
        <span className="label">
          {t.form.note} <span className="quiet">· {t.form.noteOptional}</span>
        </span>
        <textarea
          id="reason-note"
          rows={2}
          value={note}
          onChange={(event) => {
            setNote(event.target.value);
            keepDraft(card.case_id, { note: event.target.value });
          }}
        />
      </label>
      {problem && <p className="problem" role="alert">{problem}</p>}
    </PanelForm>
  );
}

export function TextForm({ card, title, label, field, onSend, onClose, busy }: FormProps & { title: string; label: string; field: string; onSend: (text: string) => void }) {
  const [text, setText] = useState(readDraft(card.case_id).instruction ?? "");
  const [problem, setProblem] = useState("");
  const send = () => (text.trim() === "" ? setProblem(t.form.instructionNeeded) : onSend(text.trim()));
  return (
    <PanelForm title={title} label={label} busy={busy} onSend={send} onClose={onClose}>
      <label className="field">
        <span className="label">{field}</span>
        <textarea
          rows={3}
          value={text}
          onChange={(event) => {
            setText(event.target.value);
            setProblem("");
            keepDraft(card.case_id, { instruction: event.target.value });
          }}
        />
      </label>
      {problem && <p className="problem" role="alert">{problem}</p>}
    </PanelForm>
  );
}

export function RespondForm({ card, busy, serverProblems, armed, onDisarm, onSend, onClose }: RunningFormProps) {
  const schema = card.answer_schema ?? { type: "string" };
  const [value, setValue] = useState<Json>(() => readDraft(card.case_id).value ?? blank(schema, schema));
  const [texts, setTexts] = useState<Record<string, string>>({});
  const [tried, setTried] = useState(false);
  const wrong = Object.fromEntries(Object.entries(texts).filter(([, text]) => text));
  const problems = { ...(tried ? check(schema, value, schema) : {}), ...serverProblems, ...wrong };
  const send = () => {
    setTried(true);
    if (Object.keys({ ...check(schema, value, schema), ...wrong }).length === 0) onSend(value);
  };
  return (
    <PanelForm title={t.form.respondTitle} label={t.form.send} busy={busy} armed={armed} onDisarm={onDisarm} onSend={send} onClose={onClose}>
      <SchemaForm
        schema={schema}
        value={value}
        original={undefined}
        problems={problems}
        onChange={(next) => {
          setValue(next);
          onDisarm();
          keepDraft(card.case_id, { value: next });
        }}
        onText={(at, text) => {
          onDisarm();
          setTexts((before) => ({ ...before, [at]: text }));
        }}
      />
    </PanelForm>
  );
}
