/** The canonical arguments, value by value, complete. Personal ones wait for a click. */
import { useState } from "react";
import type { Card, Json } from "../api/wire";
import { groupDigits } from "../marks/amount";
import { isObject, pointer, pretty } from "../marks/json";
import { LongText } from "../marks/long_text";
import { Revealed } from "../marks/revealed";
import { useReportUnread } from "../marks/unread";
import { t } from "../words";

const ROWS = 60;
/** JSON up to this long stands on one line. */
const LINE = 72;

export function ArgumentsView({ card }: { card: Card }) {
  const [shown, setShown] = useState(ROWS);
  const entries = isObject(card.arguments) ? Object.entries(card.arguments) : null;
  const rest = entries ? entries.length - shown : 0;
  useReportUnread("arguments", rest > 0);
  if (!card.inspectable) return <Raw card={card} />;
  if (!entries) return <LongText text={pretty(card.arguments)} mono={typeof card.arguments !== "string"} />;
  if (entries.length === 0) return <p className="quiet">{t.card.noArguments}</p>;
  return (
    <>
      <dl className="fields">
        {entries.slice(0, shown).map(([name, value]) => (
          <div key={name} className="field-row">
            <dt><Revealed text={name} /></dt>
            <dd><Value value={value} masked={card.personal_data.some((path) => path === pointer([name]) || path.startsWith(`${pointer([name])}/`))} currency={card.amount?.currency} /></dd>
          </div>
        ))}
      </dl>
      {rest > 0 && (
        <button type="button" className="small" onClick={() => setShown((n) => n + 200)}>
          {t.long.next} <span className="unread">{t.long.rows(rest)}</span>
        </button>
      )}
    </>
  );
}

function Raw({ card }: { card: Card }) {
  return (
    <div className="not-inspectable">
      <p><strong>{t.card.notInspectable}.</strong> {t.card.notInspectableText}</p>
      <LongText text={JSON.stringify(card.arguments, null, 2)} mono />
    </div>
  );
}

function Value({ value, masked, currency }: { value: Json; masked: boolean; currency: string | null | undefined }) {
  const [shown, setShown] = useState(!masked);
  if (!shown)
    return (
      <span className="masked">
        ••••• <span className="quiet">{t.card.masked}</span>{" "}
        <button type="button" className="small" onClick={() => setShown(true)}>{t.card.show}</button>
      </span>
    );
  if (typeof value === "number") {
    return <><code className="value-number">{String(value)}</code><Grouped digits={String(value)} currency={currency} /></>;
  }
  if (typeof value === "string") return MONEY.test(value) ? <><Revealed text={value} /><Grouped digits={value} currency={currency} /></> : <LongText text={value} />;
  if (value === null || typeof value === "boolean") return <code>{String(value)}</code>;
  const line = JSON.stringify(value);
  return <LongText text={line.length <= LINE ? line : JSON.stringify(value, null, 2)} mono />;
}

/** A number long enough to be misread; shorter ones and other spellings stay as they are. */
const MONEY = /^-?[1-9]\d{4,15}(\.\d+)?$/;

function Grouped({ digits, currency }: { digits: string; currency: string | null | undefined }) {
  return MONEY.test(digits) ? <span className="quiet"> {groupDigits(digits, currency)}</span> : null;
}
