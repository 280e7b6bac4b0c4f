/** What became of a case, in place of the verdicts. */
import { useState } from "react";
import { undoCase } from "../api/queries";
import type { CaseDetail, Decision, Review } from "../api/wire";
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
  onTakeBack: (review: string) => void;
  /** left out where the step cannot be taken over */
  onTakeOver: (() => void) | undefined;
}

export function Settled({ detail, own, onTakeBack, onTakeOver }: SettledProps) {
  const now = useNow();
  const [busy, setBusy] = useState(false);
  const { card, case: row } = detail;
  const decision = decisionOf(row.decision);
  if (row.state === "open" && !own) return null;
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
        {row.state === "open" ? null : decision ? <strong className={`decision ${decision.kind}`}>{t.card.decided[decision.kind] ?? decision.kind}</strong> : t.card.readOnly}
        {said && <> · <code><Revealed text={said} /></code></>}
        {row.state !== "open" && decision?.reason && <> · <Revealed text={words(decision.reason)} /></>}
        {decision && decision.by.length > 0 && <span className="quiet"> · {t.halts.by} {decision.by.join(", ")}</span>}
        {decision?.at && <span className="quiet"> · {clockTime(decision.at)}</span>}
        {detail.execution && <span className="tag">{detail.execution.state}</span>}
      </p>
      {own && left > 0 && <button type="button" onClick={() => onTakeBack(own.id)}>{t.undo.take} <Hint of="undo" /></button>}
      {onTakeOver && <button type="button" onClick={onTakeOver}>{t.takeOver.go} <Hint of="take_over" /></button>}
      {decision?.kind === "approved" && card.undo.action && (
        <button type="button" disabled={busy} onClick={() => void reverse()}>
          ↺ {t.undo.reverse}
        </button>
      )}
    </div>
  );
}

/** A reminder of one's own answer; the history has it whole. */
const clip = (text: string): string => (text.length > 80 ? `${text.slice(0, 80)}… (${text.length})` : text);
