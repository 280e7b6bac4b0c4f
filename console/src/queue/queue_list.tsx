/** The cases in order: a virtual listbox, so 5,000 rows cost what 20 do. */
import { useVirtualizer } from "@tanstack/react-virtual";
import { useEffect, useRef } from "react";
import type { CaseRow, Person } from "../api/wire";
import { money } from "../marks/amount";
import { summaryOf, words } from "../marks/json";
import { Revealed } from "../marks/revealed";
import { decisionOf } from "../card/settled";
import { Deadline } from "../ui/deadline";
import { useNow } from "../ui/now";
import { usePerson } from "../session/session";
import { isAnswered } from "../undo/undo_list";
import { t } from "../words";

const ROW = 62;
const AHEAD = 20;

interface QueueListProps {
  rows: CaseRow[];
  total: number;
  current: string | null;
  selected: readonly string[];
  /** a tap selects instead of opening */
  taps: boolean;
  followUps: readonly string[];
  onOpen: (row: CaseRow) => void;
  onToggle: (id: string) => void;
  onEnd: () => void;
}

export function QueueList({ rows, total, current, selected, taps, followUps, onOpen, onToggle, onEnd }: QueueListProps) {
  const box = useRef<HTMLDivElement>(null);
  const virtual = useVirtualizer({ count: rows.length, getScrollElement: () => box.current, estimateSize: () => ROW, overscan: 8, getItemKey: (i) => rows[i]?.id ?? i });
  const at = rows.findIndex((row) => row.id === current);
  useEffect(() => {
    if (at >= 0) virtual.scrollToIndex(at, { align: "auto" });
  }, [at, virtual]);
  const items = virtual.getVirtualItems();
  const lastSeen = items.at(-1)?.index ?? 0;
  useEffect(() => {
    if (lastSeen >= rows.length - AHEAD) onEnd();
  }, [lastSeen, rows.length, onEnd]);

  return (
    <div ref={box} className="queue-list" role="listbox" aria-label={t.queue.title} aria-multiselectable="true" tabIndex={0} aria-activedescendant={at >= 0 ? `row-${current}` : undefined}>
      <div role="presentation" className="queue-space" style={{ height: virtual.getTotalSize() }}>
        {items.map((item) => {
          const row = rows[item.index];
          if (!row) return null;
          return (
            <div
              key={item.key}
              id={`row-${row.id}`}
              role="option"
              aria-selected={row.id === current}
              aria-checked={selected.includes(row.id)}
              aria-setsize={total}
              aria-posinset={item.index + 1}
              className={`queue-row ${row.id === current ? "current" : ""} ${row.state === "open" && isAnswered(row) ? "done" : ""} ${selected.includes(row.id) ? "chosen" : ""}`}
              style={{ transform: `translateY(${item.start}px)`, height: ROW }}
              onClick={(event) => (taps || event.shiftKey || event.ctrlKey || event.metaKey ? onToggle(row.id) : onOpen(row))}
            >
              <RowFace row={row} chosen={selected.includes(row.id)} taps={taps} later={followUps.includes(row.id)} />
            </div>
          );
        })}
      </div>
    </div>
  );
}

function RowFace({ row, chosen, taps, later }: { row: CaseRow; chosen: boolean; taps: boolean; later: boolean }) {
  const person = usePerson();
  const decision = decisionOf(row.decision);
  const other = heldBy(row, person);
  return (
    <>
      <div className="row-top">
        <span className={`row-mark ${row.tier} ${taps ? "box" : ""}`} aria-hidden="true">{chosen ? "✓" : taps ? "" : row.high_stakes ? "▲" : "●"}</span>
        <span className="row-action"><Revealed text={words(row.action)} /></span>
        {row.amount && <span className="row-amount">{money(row.amount, row.currency)}</span>}
        <span className="row-due">
          {row.state !== "open" && decision ? <span className={`decision ${decision.kind}`}>{t.card.decided[decision.kind] ?? decision.kind}</span> : <Deadline at={row.deadline} openedAt={row.opened_at} short />}
        </span>
      </div>
      <div className="row-text"><Revealed text={clip(summaryOf(row))} /></div>
      <div className="row-foot">
        {row.state === "open" && isAnswered(row) && <Answered answered={row.answered} />}
        {row.high_stakes && <span>{t.queue.highStakes}</span>}
        {row.soft && row.state === "open" && <span>{t.queue.after}</span>}
        {row.reviewers.need > 1 && <span>{t.card.ofReviews(row.reviewers.have, row.reviewers.need)}</span>}
        {other && <span>{t.queue.claimedBy(other)}</span>}
        {later && <span>⚑ {t.verdict.later}</span>}
        {row.queue !== "default" && <span>{row.queue}</span>}
      </div>
    </>
  );
}

/** Who else holds it, so that nobody but him can answer it now. */
export const heldBy = ({ claimed_by: holder }: CaseRow, { id, name }: Person): string | null => (holder && holder !== id && holder !== name ? holder : null);

function Answered({ answered }: { answered: CaseRow["answered"] }) {
  const now = useNow();
  const left = answered?.counts_at ? Math.ceil((Date.parse(answered.counts_at) - now) / 1000) : 0;
  return <span className="answered">✓ {answered?.by_you === false ? t.queue.answeredElsewhere : t.queue.answered}{left > 0 && `, ${t.undo.countsIn(left)}`}</span>;
}

const clip = (text: string): string => (text.length > 160 ? `${text.slice(0, 160)}…` : text);
