/** Several like cases at once: every row visible, a veto on each, some must be opened first. */
import { useQueries } from "@tanstack/react-query";
import { useMemo, useState } from "react";
import { caseQuery, giveBatch, queryClient } from "../api/queries";
import type { CaseDetail, Json } from "../api/wire";
import { AgentWords } from "../card/agent_words";
import { ArgumentsView } from "../card/arguments_view";
import { restOf, Subject } from "../card/choices";
import { Facts, WhyYou } from "../card/facts";
import { isHalted } from "../card/reviewing";
import { EvidenceTabs } from "../evidence/evidence_tabs";
import { useCommands } from "../keys/keymap";
import { compact, summaryOf, words } from "../marks/json";
import { plain } from "../marks/plain";
import { Revealed } from "../marks/revealed";
import { clearSelection, useSelection } from "../queue/selection";
import { go } from "../route/route";
import { Dialog } from "../ui/dialog";
import { Empty, Failed, Loading } from "../ui/state";
import { say, sayProblem } from "../ui/toast";
import { noteAnswered, offerUndo } from "../undo/undo_list";
import { t } from "../words";
import { allowed, compare, refusal, rowsToOpen } from "./likeness";

const toQueue = () => go({ page: "queue", caseId: null });

export default function BatchPage() {
  const selected = useSelection();
  const queries = useQueries({ queries: selected.map((id) => caseQuery(id)) });
  useCommands({ back: toQueue });
  const failed = queries.find((query) => query.isError);
  const details = queries.map((query) => query.data).filter((each): each is CaseDetail => each !== undefined);
  const why = refusal(details);
  return (
    <main className="page batch">
      <header className="page-head">
        <h1>{t.batch.title}</h1>
        <button type="button" className="ghost" onClick={toQueue}>{t.batch.back} <kbd className="hint">Esc</kbd></button>
      </header>
      {failed ? (
        <Failed title={t.card.failed} error={failed.error} retry={() => void failed.refetch()} />
      ) : details.length < selected.length ? (
        <Loading />
      ) : why ? (
        <Empty title={t.batch.cannot} text={why} />
      ) : (
        <BatchTable details={details} />
      )}
    </main>
  );
}

function BatchTable({ details }: { details: CaseDetail[] }) {
  const ids = details.map((each) => each.case.id);
  const [mustOpen] = useState(() => rowsToOpen(ids, Math.random));
  const [opened, setOpened] = useState<readonly string[]>([]);
  const [vetoed, setVetoed] = useState<readonly string[]>([]);
  const [viewing, setViewing] = useState<CaseDetail | null>(null);
  const [reason, setReason] = useState("");
  const [busy, setBusy] = useState(false);
  const [failures, setFailures] = useState<Record<string, string>>({});
  const { shared, differing, values } = useMemo(() => compare(details), [details]);
  const first = details[0];
  if (!first) return null;
  const taken = details.filter((each) => !vetoed.includes(each.case.id));
  const toOpen = mustOpen.filter((id) => !opened.includes(id) && !vetoed.includes(id));

  async function commit(verdict: "approve" | "reject"): Promise<void> {
    setBusy(true);
    try {
      const items = taken.map(({ case: row, card }) => ({ case_id: row.id, revision: card.revision, card: card.digest }));
      const answer = await giveBatch({ verdict, items, ...(verdict === "reject" ? { reason: reason || "other" } : {}) });
      const bad: Record<string, string> = {};
      for (const item of answer.items) {
        if (!item.ok) bad[item.case_id] = plain(typeof item.error === "string" ? item.error : (item.error?.detail ?? t.batch.failed));
        else noteAnswered(item.case_id, taken.find((each) => each.case.id === item.case_id)?.card.revision ?? 1);
        if (item.ok && item.review) offerUndo({ ...item.review, verdict }, item.case_id, nameOf(details, item.case_id), t.undo.next.counted);
      }
      setFailures(bad);
      say(t.toast.batchRecorded(answer.items.filter((item) => item.ok).length));
      void queryClient.invalidateQueries({ queryKey: ["cases"] });
      if (Object.keys(bad).length === 0) {
        clearSelection();
        toQueue();
      }
    } catch (error) {
      sayProblem(error);
    }
    setBusy(false);
  }

  return (
    <>
      <p className="quiet">{t.batch.lead(details.length)} · <strong>{words(first.card.action)}</strong></p>
      {details.some(({ case: row, card }) => !row.soft && isHalted(card)) && <p className="notice halted">{t.halts.approving}</p>}
      {shared.length > 0 && (
        <section className="section">
          <h2>{t.batch.same}</h2>
          <dl className="fields tight">{shared.map(([path, value]) => <div key={path} className="field-row"><dt>{path}</dt><dd><Cell value={value} /></dd></div>)}</dl>
        </section>
      )}
      <div className="scroll-x" role="region" aria-label={t.batch.differs} tabIndex={0}>
        <table className="data batch-table">
          <caption className="off-screen">{t.batch.differs}</caption>
          <thead>
            <tr><th scope="col">{t.batch.case}</th>{differing.map((path) => <th key={path} scope="col">{path}</th>)}<th scope="col">{t.batch.veto}</th></tr>
          </thead>
          <tbody>
            {details.map((each, i) => {
              const id = each.case.id;
              const out = vetoed.includes(id);
              return (
                <tr key={id} className={out ? "vetoed" : ""} data-case={id}>
                  <th scope="row">
                    <span className="batch-name"><Revealed text={summaryOf(each.case).slice(0, CELL)} /></span>
                    <button type="button" className="small" onClick={() => { setViewing(each); setOpened((before) => [...before, id]); }}>
                      {opened.includes(id) ? `✓ ${t.batch.opened}` : t.batch.open}
                    </button>
                    {toOpen.includes(id) && <span className="tag warn">{t.batch.must}</span>}
                    {failures[id] && <span className="problem">{failures[id]}</span>}
                  </th>
                  {differing.map((path) => <td key={path} className={typeof values[i]?.get(path) === "number" ? "numeric" : ""}><Cell value={values[i]?.get(path) ?? null} /></td>)}
                  <td>
                    <label className="veto">
                      <input type="checkbox" checked={out} onChange={() => setVetoed((before) => (out ? before.filter((each) => each !== id) : [...before, id]))} />
                      {out ? t.batch.vetoed : t.batch.veto}
                    </label>
                  </td>
                </tr>
              );
            })}
          </tbody>
        </table>
      </div>
      <div className="batch-bar">
        <p role="status">{toOpen.length > 0 ? t.batch.mustOpen(toOpen.length) : ""}</p>
        <select aria-label={t.batch.why} value={reason} onChange={(event) => setReason(event.target.value)}>
          <option value="">{t.batch.why}</option>
          {first.card.reason_codes.map((each) => <option key={each.code} value={each.code}>{each.label}</option>)}
        </select>
        {allowed(details, "reject") && <button type="button" className="verdict reject" disabled={busy || taken.length === 0 || toOpen.length > 0 || reason === ""} onClick={() => void commit("reject")}>{t.batch.reject(taken.length)}</button>}
        {allowed(details, "approve") && <button type="button" className="verdict approve" disabled={busy || taken.length === 0 || toOpen.length > 0} onClick={() => void commit("approve")}>{t.batch.approve(taken.length)}</button>}
      </div>
      {viewing && (
        <Dialog title={viewing.case.summary} wide onClose={() => setViewing(null)}>
          <WholeCase detail={viewing} />
        </Dialog>
      )}
    </>
  );
}

/** What somebody judges by who opens one row: all that its card and the pane beside it show. */
function WholeCase({ detail: { card, case: row } }: { detail: CaseDetail }) {
  const [blurred, setBlurred] = useState(card.harm_classes.length > 0);
  const labelling = card.kind === "annotation" || card.kind === "comparison";
  const listed = labelling ? restOf(card) : card;
  return (
    <>
      {labelling && <Subject card={card} blurred={blurred} />}
      <WhyYou card={card} />
      <Facts card={card} row={row} />
      {card.harm_classes.length > 0 && <button type="button" className="small" aria-pressed={blurred} onClick={() => setBlurred(!blurred)}>{t.batch.blur}</button>}
      {listed && (
        <section className={blurred ? "section blurred" : "section"} aria-label={t.card.arguments}>
          <h3>{t.card.arguments}</h3>
          <ArgumentsView card={listed} />
        </section>
      )}
      <section className="section" aria-label={t.context.evidence}>
        <h3>{t.context.evidence}</h3>
        <EvidenceTabs card={card} blurred={blurred} />
      </section>
      <AgentWords card={card} />
    </>
  );
}

const CELL = 120;

function Cell({ value }: { value: Json }) {
  const text = compact(value);
  if (text.length <= CELL) return <Revealed text={text} />;
  return <><Revealed text={text.slice(0, CELL)} /> <span className="unread">{t.long.more(text.length - CELL)}</span></>;
}

const nameOf = (details: CaseDetail[], id: string): string => details.find((each) => each.case.id === id)?.case.summary ?? "";
