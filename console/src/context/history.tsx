/** What happened to this case, entry by entry, and the proof that the log says so. */
import { useState } from "react";
import { useProof } from "../api/queries";
import type { Card, CaseDetail, HistoryEntry, Json, Proof, Review } from "../api/wire";
import { compact, isObject, words } from "../marks/json";
import { Revealed } from "../marks/revealed";
import { clockTime } from "../marks/time";
import { usePerson } from "../session/session";
import { Empty, Failed, Loading } from "../ui/state";
import { say } from "../ui/toast";
import { t } from "../words";

export function HistoryList({ detail }: { detail: CaseDetail }) {
  const [proving, setProving] = useState(false);
  const me = usePerson();
  const people = new Map([[me.id, me.name], ...detail.reviews.map((each): [string, string] => [each.reviewer_id ?? "", each.reviewer ?? ""])]);
  return (
    <div className="history">
      {detail.reviews.length > 0 && (
        <section>
          <h3 className="fact-name">{t.context.reviews}</h3>
          <ul className="plain">{detail.reviews.map((review) => <ReviewLine key={review.id} review={review} reasons={detail.card.reason_codes} />)}</ul>
        </section>
      )}
      {detail.history.length === 0 ? <Empty title={t.context.noHistory} /> : <ol className="timeline">{detail.history.map((entry) => <Line key={entry.idx} entry={entry} people={people} />)}</ol>}
      {proving ? <ProofView caseId={detail.case.id} /> : <button type="button" onClick={() => setProving(true)}>{t.context.proof}</button>}
    </div>
  );
}

function ReviewLine({ review, reasons }: { review: Review; reasons: Card["reason_codes"] }) {
  return (
    <li className={review.withdrawn_at || review.voided_at ? "struck" : ""}>
      <strong>{t.undo.said[review.verdict]}</strong> {review.reviewer && <span className="quiet">{t.halts.by} {review.reviewer}</span>}
      {review.reason && <> · {reasons.find(({ code }) => code === review.reason)?.label ?? words(review.reason)}</>}
      {review.note && <> · <Revealed text={review.note} /></>}
      {review.instruction && <> · <Revealed text={review.instruction} /></>}
    </li>
  );
}

function Line({ entry, people }: { entry: HistoryEntry; people: Map<string, string> }) {
  return (
    <li>
      <details>
        <summary>
          <code className="quiet">{entry.idx}</code> {words(entry.type.replace(".", " "))} <span className="quiet">{actorName(entry.actor, people)} · {clockTime(entry.at)}</span>
        </summary>
        <pre className="mono entry"><Revealed text={JSON.stringify(entry.entry, null, 2)} /></pre>
      </details>
    </li>
  );
}

function actorName(actor: Json, people: Map<string, string>): string {
  if (!isObject(actor)) return compact(actor);
  const known = typeof actor.pid === "string" ? people.get(actor.pid) : undefined;
  return known ?? compact(actor.name ?? actor.id ?? actor.kind ?? actor.type ?? "");
}

/** The second line of a checkpoint is the size of the tree it signs; younger entries wait for the next one. */
function isSigned({ checkpoint, entries }: Proof): boolean {
  const size = Number(checkpoint?.split("\n")[1] ?? 0);
  return entries.every((entry) => entry.idx < size);
}

function ProofView({ caseId }: { caseId: string }) {
  const query = useProof(caseId, true);
  if (query.isPending) return <Loading />;
  if (query.isError) return <Failed title={t.context.proof} error={query.error} retry={() => void query.refetch()} />;
  const proof = query.data;
  const state = proof.verified ? "good" : isSigned(proof) ? "bad" : "pending";
  const copy = () => void navigator.clipboard.writeText(proof.tlog_proof ?? "").then(() => say(t.toast.copied));
  return (
    <section className="proof" aria-label={t.context.proof}>
      <p className={`proof-verdict ${state}`} role="status">
        {state === "good" ? `✓ ${t.context.proofOk}` : state === "pending" ? `… ${t.context.proofPending}` : `✕ ${t.context.proofBad}`}
      </p>
      <ul className="plain">
        {proof.entries.map((entry) => (
          <li key={entry.idx}>
            <code>{entry.idx}</code> {entry.type} <span className="quiet">· {t.context.inclusion(entry.inclusion.length)}</span>
          </li>
        ))}
      </ul>
      {proof.checkpoint && (
        <>
          <h3 className="fact-name">{t.context.checkpoint}</h3>
          <pre className="mono entry">{proof.checkpoint}</pre>
        </>
      )}
      {proof.tlog_proof && <button type="button" className="small" onClick={copy}>{t.context.copy}</button>}
    </section>
  );
}
