/** The canonical arguments, value by value, complete. Personal ones are covered. */
import { useState } from "react";
import type { Card, Json } from "../api/wire";
import { groupDigits } from "../marks/amount";
import { isObject, pointer, pretty } from "../marks/json";
import { LongText } from "../marks/long_text";
import { masked, within } from "../marks/masks";
import { useReport } from "../marks/reading";
import { Revealed } from "../marks/revealed";
import { t } from "../words";
import { Covered, CoveredInside, useCovered } from "./personal";

const ROWS = 60;
/** JSON up to this long stands on one line. */
const LINE = 72;

export function ArgumentsView({ card }: { card: Card }) {
  const [shown, setShown] = useState(ROWS);
  const covered = useCovered(card);
  const entries = card.inspectable && isObject(card.arguments) ? Object.entries(card.arguments) : null;
  const rest = entries ? entries.length - shown : 0;
  useReport("arguments", "fields", String(rest), rest > 0);
  if (!card.inspectable) return <Raw card={card} covered={covered} />;
  if (!entries) return <Value card={card} value={card.arguments} path="" covered={covered} />;
  if (entries.length === 0) return <p className="quiet">{t.card.noArguments}</p>;
  return (
    <>
      <dl className="fields">
        {entries.slice(0, shown).map(([name, value]) => (
          <div key={name} className="field-row">
            <dt><Revealed text={name} /></dt>
            <dd><Value card={card} value={value} path={pointer([name])} covered={covered} /></dd>
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

function Raw({ card, covered }: { card: Card; covered: readonly string[] }) {
  return (
    <div className="not-inspectable">
      <p><strong>{t.card.notInspectable}.</strong> {t.card.notInspectableText}</p>
      <LongText text={JSON.stringify(masked(card.arguments, covered), null, 2)} name={t.card.rawRequest} mono />
      <CoveredInside card={card} paths={covered} />
    </div>
  );
}

interface ValueProps {
  card: Card;
  value: Json;
  path: string;
  covered: readonly string[];
}

function Value({ card, value, path, covered }: ValueProps) {
  const inside = within(covered, path);
  const name = path.slice(1) || t.card.arguments;
  const currency = card.amount?.currency;
  if (inside.includes(path)) return <Covered card={card} path={path} />;
  if (typeof value === "number") {
    return <><code className="value-number">{String(value)}</code><Grouped digits={String(value)} currency={currency} /></>;
  }
  if (typeof value === "string") return MONEY.test(value) ? <><Revealed text={value} /><Grouped digits={value} currency={currency} /></> : <LongText text={value} name={name} />;
  if (value === null || typeof value === "boolean") return <code>{String(value)}</code>;
  const seen = masked(value, inside, path);
  const line = JSON.stringify(seen);
  return (
    <>
      <LongText text={line.length <= LINE ? line : pretty(seen)} name={name} mono />
      <CoveredInside card={card} paths={inside} />
    </>
  );
}

/** A number long enough to be misread; shorter ones and other spellings stay as they are. */
const MONEY = /^-?[1-9]\d{4,15}(\.\d+)?$/;

function Grouped({ digits, currency }: { digits: string; currency: string | null | undefined }) {
  return MONEY.test(digits) ? <span className="quiet"> {groupDigits(digits, currency)}</span> : null;
}
