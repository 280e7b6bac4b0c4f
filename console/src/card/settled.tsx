/** What became of a case, in place of the verdicts. */
import { useState } from "react";
import { undoCase } from "../api/queries";
import type { CaseDetail, Claim, Decision, Review } from "../api/wire";
import { words } from "../marks/json";
import { Revealed } from "../marks/revealed";
import { clockTime } from "../marks/time";
import { Hint } from "../ui/hint";
import { useNow } from "../ui/now";
import { say, sayProblem } from "../ui/toast";
import { t } from "../words";
import { choiceLabel } from "./choices";

export function decisionOf(decision: Decision | string | null | undefined): { kind: Decision["kind"]; at: string | null; by: string[]; reason: string } | null {
  if (!decision) return null;
  if (typeof decision === "string") return { kind: decision as Decision["kind"], at: null, by: [], reason: "" };
  return { kind: decision.kind, at: decision.at ?? null, by: decision.by ?? [], reason: decision.reason ?? "" };
}

interface SettledProps {
  detail: CaseDetail;
  own: Review | undefined;
  /** somebody else's claim, while which only he may answer */
  holder: Claim | null;
  onTakeBack: (review: string) => void;
  /** left out in the list of decided cases */
  onNext: (() => void) | undefined;
  /** left out where the step cannot be taken over */
  onTakeOver: (() => void) | undefined;
}

export function Settled({ detail, own, holder, onTakeBack, onNext, onTakeOver }: SettledProps) {
  const now = useNow();
  const [busy, setBusy] = useState(false);
  const { card, case: row } = detail;
  const decision = decisionOf(row.decision);
  // the row says how it ended; who ended it, and why, stands in the answers
  const answers = row.state === "open" ? [] : detail.reviews.filter((each) => !each.withdrawn_at && !each.voided_at && each.verdict !== "abstain");
  // what was let through before anybody looked was decided before the answers
  const looked = row.soft ? answers.at(-1) : undefined;
  const by = decision?.by.length ? decision.by : answers.flatMap((each) => each.reviewer ?? []);
  const reason = decision?.reason || answers.find((each) => each.reason)?.reason;
  const at = decision?.at ?? row.closed_at;
  if (row.state === "open" && !own) return holder ? <div className="verdict-bar settled"><p>{t.card.heldBy(holder.reviewer ?? t.card.somebody, clockTime(holder.expires_at))}</p>{onNext && <NextCase onNext={onNext} />}</div> : null;
  const reverse = async () => {
    setBusy(true);
    try {
      await undoCase(row.id, "");
      say(t.undo.reversed);
    } catch (error) {
      sayProblem(error);
    }
    setBusy(false);
  };
  const said = clip(own?.value != null ? choiceLabel(card, own.value) : (own?.instruction ?? ""));
  const left = own ? Math.ceil((Date.parse(own.effective_at) - now) / 1000) : 0;
  return (
    <div className="verdict-bar settled">
      <p>
        {own && row.state === "open" && <><strong>{t.undo.said[own.verdict]}</strong> <span className="quiet">{t.card.byYou} · {left > 0 ? t.undo.countsIn(left) : t.card.waitsForOthers}</span></>}
        {row.state === "open" ? null : looked ? <strong>{t.undo.said[looked.verdict]}</strong> : decision ? <strong className={`decision ${decision.kind}`}>{t.card.decided[decision.kind] ?? decision.kind}</strong> : t.card.readOnly}
        {said && <> · <code><Revealed text={said} /></code></>}
        {row.state !== "open" && reason && <> · <Revealed text={card.reason_codes.find(({ code }) => code === reason)?.label ?? words(reason)} /></>}
        {by.length > 0 && <span className="quiet"> · {t.halts.by} {by.join(", ")}</span>}
        {at && <span className="quiet"> · {clockTime(at)}</span>}
        {detail.execution && <span className="tag">{detail.execution.state}</span>}
      </p>
      {own && left > 0 && <button type="button" onClick={() => onTakeBack(own.id)}>{t.undo.take} <Hint of="undo" /></button>}
      {onTakeOver && <button type="button" onClick={onTakeOver}>{t.takeOver.go} <Hint of="take_over" /></button>}
      {onNext && <NextCase onNext={onNext} />}
      {decision?.kind === "approved" && card.undo.action && (
        <button type="button" disabled={busy} onClick={() => void reverse()}>
          ↺ {t.undo.reverse}
        </button>
      )}
    </div>
  );
}

export function NextCase({ onNext }: { onNext: () => void }) {
  return <button type="button" onClick={onNext}>{t.queue.goOn} <Hint of="open" /></button>;
}

/** A reminder of one's own answer; the history has it whole. */
const clip = (text: string): string => (text.length > 80 ? `${text.slice(0, 80)}… (${text.length})` : text);
