/** Search and filters. They live in the address, nowhere else. */
import { useEffect, useRef, useState } from "react";
import type { Filter } from "../api/queries";
import { useCommands } from "../keys/keymap";
import { go } from "../route/route";
import { Hint } from "../ui/hint";
import { t } from "../words";
import { clearSelection } from "./selection";

const PAUSE = 250;

export function Filters({ filter, queues }: { filter: Filter; queues: string[] }) {
  const box = useRef<HTMLInputElement>(null);
  const [text, setText] = useState(filter.q);
  useEffect(() => setText(filter.q), [filter.q]);
  useEffect(() => {
    if (text === filter.q) return;
    const timer = setTimeout(() => change({ ...filter, q: text }), PAUSE);
    return () => clearTimeout(timer);
  }, [text, filter]);
  useCommands({ search: () => box.current?.focus() });

  return (
    <div className="filters">
      <div className="search">
        <input
          ref={box}
          type="search"
          aria-label={t.queue.search}
          placeholder={t.queue.search}
          value={text}
          onChange={(event) => setText(event.target.value)}
          onKeyDown={(event) => {
            if (event.key === "Escape" || event.key === "Enter") {
              event.stopPropagation();
              event.currentTarget.blur();
            }
          }}
        />
        <Hint of="search" />
      </div>
      <div className="filter-row">
        <select aria-label={t.queue.anyTier} value={filter.tier} onChange={(event) => change({ ...filter, tier: event.target.value })}>
          <option value="">{t.queue.anyTier}</option>
          <option value="hard_gate">{t.tier.hard_gate}</option>
          <option value="soft_review">{t.tier.soft_review}</option>
          <option value="auto_approve">{t.tier.auto_approve}</option>
        </select>
        <select aria-label={t.queue.anyQueue} value={filter.queue} onChange={(event) => change({ ...filter, queue: event.target.value })}>
          <option value="">{t.queue.anyQueue}</option>
          {queues.map((queue) => <option key={queue} value={queue}>{queue}</option>)}
        </select>
        <button type="button" className="segment lone" aria-pressed={filter.mine} onClick={() => change({ ...filter, mine: !filter.mine })}>
          {t.queue.mine}
        </button>
      </div>
    </div>
  );
}

function change(filter: Filter): void {
  clearSelection();
  go({ filter }, true);
}
