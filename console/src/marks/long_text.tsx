/** A text of any length. Never cut in silence: it comes in parts and says how much is unread. */
import { useId, useState } from "react";
import { t } from "../words";
import { countHidden } from "./hidden";
import { keep, useKept } from "./kept";
import { useReadingDigest, useReport } from "./reading";
import { Revealed } from "./revealed";

/** Characters shown at once. A part of nothing but hidden characters still renders in well under a frame budget. */
const FIRST = 1_200;
const PART = 8_000;

/** `name` says which value of the card this is; with it, how far it was read outlives the view. */
export function LongText({ text, name = "", mono = false }: { text: string; name?: string; mono?: boolean }) {
  const id = useId();
  const [part, setPart] = useState(0);
  const [furthest, setFurthest] = useFurthest(name && `${name} ${text.length}`);
  const starts = cuts(text);
  const start = starts[part] ?? 0;
  const end = starts[part + 1] ?? text.length;
  const readTo = starts[furthest + 1] ?? text.length;
  const remaining = text.length - readTo;
  useReport(id, "rest", name, remaining > 0);
  const hidden = countHidden(text);

  const go = (to: number) => {
    setPart(to);
    setFurthest(Math.max(furthest, to));
  };

  return (
    <div className={mono ? "long-text mono" : "long-text"} data-unread={remaining > 0 || undefined}>
      {hidden > 0 && <p className="hidden-note">{t.hidden.found(hidden)}</p>}
      <div className="long-body" dir="auto">
        <Revealed text={text.slice(start, end)} />
      </div>
      {starts.length > 1 && (
        <div className="long-bar">
          <span>{t.long.part(part + 1, starts.length)}</span>
          <button type="button" className="small" disabled={part === 0} onClick={() => go(part - 1)}>
            {t.long.previous}
          </button>
          <button type="button" className="small" disabled={part === starts.length - 1} onClick={() => go(part + 1)}>
            {t.long.next}
          </button>
          <span className={remaining > 0 ? "unread" : "quiet"}>{remaining > 0 ? t.long.more(remaining) : t.long.read}</span>
        </div>
      )}
    </div>
  );
}

function useFurthest(name: string): [number, (part: number) => void] {
  const digest = useReadingDigest();
  const [own, setOwn] = useState(0);
  const key = digest && name ? `read ${digest} ${name}` : "";
  const stored = useKept(key, 0);
  return key ? [stored, (part) => keep(key, part)] : [own, setOwn];
}

/** Where each part begins; never inside a surrogate pair. */
function cuts(text: string): number[] {
  const starts = [0];
  let at = FIRST;
  while (at < text.length) {
    const code = text.charCodeAt(at);
    if (code >= 0xdc00 && code <= 0xdfff) at += 1;
    starts.push(at);
    at += PART;
  }
  return starts;
}
