/** The exhibits, one at a time; `[` and `]` go through them. */
import { useEffect, useState } from "react";
import type { Card } from "../api/wire";
import { useCommands } from "../keys/keymap";
import { Revealed } from "../marks/revealed";
import { Hint } from "../ui/hint";
import { t } from "../words";
import { Exhibit } from "./exhibit";
import { markOpened } from "./opened";

export function EvidenceTabs({ card, blurred }: { card: Card; blurred: boolean }) {
  const [shown, setShown] = useState(0);
  const count = card.evidence.length;
  useEffect(() => {
    if (count > 0) markOpened(card.digest, shown);
  }, [card.digest, shown, count]);
  const step = (by: number) => setShown((now) => (now + by + count) % Math.max(1, count));
  useCommands({ earlier: () => step(-1), later_evidence: () => step(1) }, count > 1);
  const evidence = card.evidence[shown];
  if (!evidence) return <p className="quiet pad">{t.context.noEvidence}</p>;
  return (
    <div className="evidence">
      <div className="evidence-tabs">
        {card.evidence.map((each, i) => (
          <button key={i} type="button" className="evidence-tab" aria-pressed={i === shown} onClick={() => setShown(i)}>
            <span className="kind">{each.kind}</span> <Revealed text={each.title} />
          </button>
        ))}
        {count > 1 && <span className="hints"><Hint of="earlier" /><Hint of="later_evidence" /></span>}
      </div>
      <Exhibit key={shown} evidence={evidence} caseId={card.case_id} index={shown} blurred={blurred} />
    </div>
  );
}
