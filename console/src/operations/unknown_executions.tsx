/** Effects nobody can vouch for: an executor vanished, and a person says what really happened. */
import { useState } from "react";
import { queryClient, settleExecution, useUnknownExecutions } from "../api/queries";
import type { Execution } from "../api/wire";
import { compact, words } from "../marks/json";
import { LongText } from "../marks/long_text";
import { Revealed } from "../marks/revealed";
import { clockTime } from "../marks/time";
import { go } from "../route/route";
import { Failed, Loading } from "../ui/state";
import { say, sayProblem } from "../ui/toast";
import { t } from "../words";

const w = t.operations;

export function UnknownExecutions() {
  const query = useUnknownExecutions(true);
  return (
    <section className="section" aria-label={w.unknown}>
      <h2>{w.unknown}</h2>
      <p className="quiet">{w.settleLead}</p>
      {query.isPending ? <Loading /> : query.isError ? <Failed title={w.unknown} error={query.error} retry={() => void query.refetch()} /> : (
        <ul className="plain">{query.data.items.map((each) => <Line key={each.case_id} execution={each} />)}</ul>
      )}
    </section>
  );
}

function Line({ execution }: { execution: Execution }) {
  const [note, setNote] = useState("");
  const [busy, setBusy] = useState(false);
  const settle = async (happened: boolean) => {
    setBusy(true);
    try {
      await settleExecution(execution.case_id, happened, note.trim());
      say(w.settled);
      await queryClient.invalidateQueries({ queryKey: ["executions"] });
      await queryClient.invalidateQueries({ queryKey: ["operations"] });
    } catch (error) {
      sayProblem(error);
    }
    setBusy(false);
  };
  return (
    <li className="settle">
      <div>
        <strong><Revealed text={words(execution.action ?? execution.case_id)} /></strong>{" "}
        {execution.started_at && <span className="quiet">{clockTime(execution.started_at)}</span>}{" "}
        <button type="button" className="small ghost" onClick={() => go({ page: "queue", caseId: execution.case_id })}>{t.batch.open}</button>
        {execution.arguments !== undefined && <LongText text={compact(execution.arguments ?? null)} mono />}
      </div>
      <label className="field">
        <span className="label">{w.howKnown}</span>
        <input value={note} autoComplete="off" onChange={(event) => setNote(event.target.value)} />
      </label>
      <div className="settle-actions">
        <button type="button" disabled={busy || note.trim() === ""} onClick={() => void settle(true)}>{w.happened}</button>
        <button type="button" disabled={busy || note.trim() === ""} onClick={() => void settle(false)}>{w.notHappened}</button>
      </div>
    </li>
  );
}
