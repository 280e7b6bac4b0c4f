/** The inputs of a form, one per type of value. A number stays a number, whatever is typed. */
import { useState } from "react";
import type { Json } from "../api/wire";
import { compact, same } from "../marks/json";
import { t } from "../words";

interface Shared {
  id: string;
  name: string;
  described: string | undefined;
  invalid: boolean;
}

const attributes = ({ id, name, described, invalid }: Shared) => ({ id, name, "aria-describedby": described, "aria-invalid": invalid || undefined });

const TYPES: Record<string, string> = { email: "email", date: "date", uri: "url" };
const LONG = 70;

export function TextInput({ value, format, onChange, ...shared }: Shared & { value: string; format: string; onChange: (value: Json) => void }) {
  const [long] = useState(value.length > LONG || value.includes("\n"));
  if (long) return <textarea {...attributes(shared)} rows={Math.min(14, Math.max(3, value.split("\n").length + 1))} value={value} dir="auto" onChange={(event) => onChange(event.target.value)} />;
  return <input {...attributes(shared)} type={TYPES[format] ?? "text"} value={value} dir="auto" onChange={(event) => onChange(event.target.value)} />;
}

const NUMBER = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i;

export function NumberInput({ value, whole, onChange, onText, ...shared }: Shared & { value: number | null; whole: boolean; onChange: (value: Json) => void; onText: (problem: string) => void }) {
  const [text, setText] = useState(value === null ? "" : String(value));
  const change = (next: string) => {
    setText(next);
    const clean = next.trim();
    const number = Number(clean);
    if (!NUMBER.test(clean) || !Number.isFinite(number)) return onText(t.form.wrongNumber);
    if (Number.isInteger(number) && !Number.isSafeInteger(number)) return onText(t.form.tooLarge(Number.MAX_SAFE_INTEGER));
    onText(whole && !Number.isInteger(number) ? t.form.wrongInteger : "");
    onChange(number);
  };
  return <input {...attributes(shared)} type="text" inputMode={whole ? "numeric" : "decimal"} className="numeric" value={text} onChange={(event) => change(event.target.value)} />;
}

export function YesNoInput({ value, onChange, ...shared }: Shared & { value: boolean; onChange: (value: Json) => void }) {
  return (
    <span className="yes-no">
      <input {...attributes(shared)} type="checkbox" checked={value} onChange={(event) => onChange(event.target.checked)} />
      <span>{value ? t.form.isTrue : t.form.isFalse}</span>
    </span>
  );
}

export function ChoiceInput({ options, value, onChange, ...shared }: Shared & { options: Json[]; value: Json; onChange: (value: Json) => void }) {
  const chosen = options.findIndex((option) => same(option, value));
  return (
    <select {...attributes(shared)} value={chosen} onChange={(event) => onChange(options[Number(event.target.value)] ?? null)}>
      {chosen < 0 && <option value={-1}>{compact(value)}</option>}
      {options.map((option, i) => (
        <option key={i} value={i}>
          {compact(option)}
        </option>
      ))}
    </select>
  );
}

export function RawInput({ value, onChange, onText, rows = 5, ...shared }: Shared & { value: Json; onChange: (value: Json) => void; onText: (problem: string) => void; rows?: number }) {
  const [text, setText] = useState(() => JSON.stringify(value, null, 2));
  const change = (next: string) => {
    setText(next);
    try {
      onChange(JSON.parse(next) as Json);
      onText("");
    } catch {
      onText(t.form.badJson);
    }
  };
  return <textarea {...attributes(shared)} className="mono" rows={Math.min(24, Math.max(rows, text.split("\n").length))} spellCheck={false} value={text} onChange={(event) => change(event.target.value)} />;
}
