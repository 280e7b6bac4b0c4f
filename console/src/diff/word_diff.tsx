/** Two texts, by words. Marks say it by shape too: struck through and underlined. */
import { diffWordsWithSpace } from "diff";
import { useMemo } from "react";
import { Revealed } from "../marks/revealed";
import { t } from "../words";

/** Above this the comparison itself would be the hostile part. */
const LIMIT = 40_000;

export function WordDiff({ before, after }: { before: string; after: string }) {
  const parts = useMemo(() => (before.length + after.length > LIMIT ? null : diffWordsWithSpace(before, after)), [before, after]);
  if (parts === null)
    return (
      <div className="word-diff">
        <del><Revealed text={before.slice(0, LIMIT / 2)} /></del> <ins><Revealed text={after.slice(0, LIMIT / 2)} /></ins>
        <p className="unread">{t.long.more(Math.max(0, before.length - LIMIT / 2) + Math.max(0, after.length - LIMIT / 2))}</p>
      </div>
    );
  return (
    <div className="word-diff" dir="auto">
      {parts.map((part, i) =>
        part.added ? <ins key={i}><Revealed text={part.value} /></ins> : part.removed ? <del key={i}><Revealed text={part.value} /></del> : <Revealed key={i} text={part.value} />,
      )}
    </div>
  );
}
