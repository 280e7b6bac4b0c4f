/** The verdicts the server allows, and the ways out of a case. */
import { useEffect, useState } from "react";
import type { Card, Verdict } from "../api/wire";
import type { Command } from "../keys/bindings";
import { clockTime } from "../marks/time";
import { useUnread } from "../marks/unread";
import { Hint } from "../ui/hint";
import { PHONE, useMedia } from "../ui/media";
import { t } from "../words";
import type { Dwell } from "./dwell";

const ORDER: Verdict[] = ["approve", "edit", "reject", "respond", "redirect", "abstain"];
/** Shown on a phone without unfolding; rejecting stands beside approving. */
const FIRST: Verdict[] = ["approve", "edit", "reject"];

export interface VerdictBarProps {
  card: Card;
  busy: boolean;
  armed: boolean;
  /** until when the claim is held, or null */
  claimed: string | null;
  approveLabel: string;
  blocked: string;
  onVerdict: (verdict: Verdict) => void;
  onCommit: () => void;
  onDisarm: () => void;
  onEscalate: () => void;
  onRelease: () => void;
  onLater: () => void;
  onHalt: () => void;
}

export function VerdictBar(props: VerdictBarProps) {
  const { card, busy } = props;
  const phone = useMedia(PHONE);
  const [more, setMore] = useState(false);
  if (props.armed) return <Armed {...props} />;
  // Where labels stand to pick from, they are the answer; a second way to respond would only confuse.
  const offered = ORDER.filter((verdict) => card.verdicts.includes(verdict) && !(verdict === "respond" && card.choices?.length));
  const first = offered.filter((verdict) => FIRST.includes(verdict));
  const folded = phone && !more;
  const button = (verdict: Verdict) => (
    <button key={verdict} type="button" className={`verdict ${verdict}`} disabled={busy} onClick={() => props.onVerdict(verdict)}>
      {verdict === "approve" ? props.approveLabel : t.verdict[verdict]} <Hint of={verdict} />
    </button>
  );
  return (
    <div className="verdict-bar" role="group" aria-label={t.verdict.bar} aria-busy={busy}>
      <div className="verdicts">
        {(folded ? first : offered.filter((verdict) => verdict !== "abstain")).map(button)}
        {phone && (
          <button type="button" className="verdict" aria-expanded={more} onClick={() => setMore(!more)}>
            {more ? t.verdict.less : t.verdict.more}
          </button>
        )}
      </div>
      {!folded && (
        <div className="exits">
          {offered.includes("abstain") && <Exit of="abstain" label={t.verdict.abstain} onClick={() => props.onVerdict("abstain")} />}
          <Exit of="escalate" label={t.verdict.escalate} onClick={props.onEscalate} />
          <Exit of="later" label={t.verdict.later} onClick={props.onLater} />
          {card.asked_by.agent && <button type="button" className="ghost" onClick={props.onHalt}>{t.verdict.haltAgent}</button>}
          {props.claimed && <Exit of="release" label={t.verdict.release} onClick={props.onRelease} />}
          {props.claimed && <span className="quiet yours">{t.queue.yours(clockTime(props.claimed))}</span>}
        </div>
      )}
    </div>
  );
}

function Exit({ of, label, onClick }: { of: Command; label: string; onClick: () => void }) {
  return (
    <button type="button" className="ghost" onClick={onClick}>
      {label} <Hint of={of} />
    </button>
  );
}

function Armed({ card, busy, blocked, onCommit, onDisarm, onVerdict }: VerdictBarProps) {
  return (
    <div className="verdict-bar armed" role="group" aria-label={t.verdict.bar}>
      <p role="status">{blocked || t.verdict.armed}</p>
      <div className="verdicts">
        <button type="button" className="verdict approve" disabled={busy || blocked !== ""} onClick={onCommit}>
          {t.verdict.commit} <Hint of="commit" />
        </button>
        {card.verdicts.includes("reject") && (
          <button type="button" className="verdict reject" disabled={busy} onClick={() => onVerdict("reject")}>
            {t.verdict.reject} <Hint of="reject" />
          </button>
        )}
        <button type="button" className="ghost" onClick={onDisarm}>
          {t.verdict.disarm} <Hint of="back" />
        </button>
      </div>
    </div>
  );
}

/** Why an armed approval may not be committed yet; empty when it may. */
export function useBlocked(card: Card, dwell: Dwell, armed: boolean): string {
  const unread = useUnread();
  const [left, setLeft] = useState(0);
  useEffect(() => {
    if (!armed) return;
    const look = () => setLeft(Math.max(0, card.dwell_floor_seconds - dwell.seconds()));
    look();
    const timer = setInterval(look, 200);
    return () => clearInterval(timer);
  }, [armed, card.dwell_floor_seconds, dwell]);
  if (!card.high_stakes) return "";
  if (unread > 0) return t.long.unread(unread);
  return left > 0 ? t.verdict.readOn(left) : "";
}
