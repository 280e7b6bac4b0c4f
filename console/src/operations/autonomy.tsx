/** What cells of cases have earned, n of m; and promotions, which a lead accepts or declines. */
import { useState, type FormEvent } from "react";
import { acceptPromotion, declinePromotion, queryClient, useAutonomy } from "../api/queries";
import type { EarnedCell, Promotion, Tier } from "../api/wire";
import { percent } from "../marks/amount";
import { Revealed } from "../marks/revealed";
import { clockTime } from "../marks/time";
import { useLeads } from "../session/session";
import { Failed, Loading } from "../ui/state";
import { say, sayProblem } from "../ui/toast";
import { t } from "../words";

const w = t.autonomy;
/** Those who gather most are shown first. */
const SHOWN = 12;

export function Autonomy() {
  const query = useAutonomy();
  const refresh = () => void queryClient.invalidateQueries({ queryKey: ["autonomy"] });
  if (query.isPending) return <Loading />;
  if (query.isError) return <Failed title={w.failed} error={query.error} retry={refresh} />;
  const { cells, promotions } = query.data;
  return (
    <section className="section autonomy" aria-label={w.title}>
      <h2>{w.title}</h2>
      <p className="quiet">{cells.length === 0 ? w.none : w.lead}</p>
      {promotions.length > 0 && <ul className="plain">{promotions.map((one) => <PromotionLine key={one.id} promotion={one} onDone={refresh} />)}</ul>}
      {cells.length > 0 && <Cells cells={cells} />}
    </section>
  );
}

function Cells({ cells }: { cells: EarnedCell[] }) {
  const [all, setAll] = useState(false);
  const shown = all ? cells : cells.slice(0, SHOWN);
  return (
    <>
      <table className="data people">
        <thead>
          <tr>
            <th scope="col">{w.cell}</th><th scope="col">{w.evidence}</th><th scope="col" className="numeric">{w.misses}</th>
            <th scope="col" className="numeric">{w.bound}</th><th scope="col">{w.state}</th>
          </tr>
        </thead>
        <tbody>
          {shown.map((one) => (
            <tr key={one.id}>
              <td><Revealed text={`${one.action}: ${one.cell}`} /></td>
              <td>
                <span className="bar-cell">
                  <span className="bar" aria-hidden="true"><span style={{ width: `${Math.min(100, Math.round((100 * one.n) / Math.max(1, one.needed)))}%` }} /></span>
                  <span className="bar-text">{w.nOfM(one.n, one.needed)}</span>
                </span>
                {one.unchecked > 0 && <span className="quiet">{w.unchecked(one.unchecked)}</span>}
              </td>
              <td className="numeric">{one.misses}</td>
              <td className="numeric">{one.n === 0 ? "–" : percent(one.bound, 1)}</td>
              <td>{w.states[one.state] ?? one.state}</td>
            </tr>
          ))}
        </tbody>
      </table>
      {cells.length > SHOWN && !all && <button type="button" onClick={() => setAll(true)}>{w.all(cells.length)}</button>}
    </>
  );
}

function PromotionLine({ promotion, onDone }: { promotion: Promotion; onDone: () => void }) {
  const lead = useLeads();
  const { saving, back_test: back } = promotion;
  return (
    <li className="promotion">
      <div>
        <strong><Revealed text={`${promotion.action}: ${promotion.cell}`} /></strong>{" "}
        <span className="quiet">{promotion.state === "accepted" && promotion.expires ? w.until(clockTime(promotion.expires)) : w.as(t.tier[promotion.tier as Tier] ?? promotion.tier)}</span>
        <div>{promotion.words}. {w.backTest(back.passed, back.of, back.wrong)} {w.saving(saving.asks_avoided, saving.days, saving.misses_at_most)}{saving.money === undefined ? "" : ` ${w.money(`${saving.money} ${saving.currency ?? ""}`)}`}</div>
        {promotion.note && <div className="quiet">{promotion.note}</div>}
        <div className="quiet">{w.by(promotion.proposed_by)}</div>
      </div>
      {promotion.state === "proposed" && (lead ? <Answer id={promotion.id} onDone={onDone} /> : <span className="quiet">{w.waits}</span>)}
    </li>
  );
}

function Answer({ id, onDone }: { id: string; onDone: () => void }) {
  const [busy, setBusy] = useState(false);
  async function finish(work: Promise<unknown>, said: string): Promise<void> {
    setBusy(true);
    try {
      await work;
      say(said);
    } catch (error) {
      sayProblem(error);
    }
    setBusy(false);
    onDone();
  }
  function decline(event: FormEvent<HTMLFormElement>): void {
    event.preventDefault();
    void finish(declinePromotion(id, String(new FormData(event.currentTarget).get("reason")).trim()), w.declined);
  }
  return (
    <form className="promotion-answer" onSubmit={decline}>
      <button type="button" disabled={busy} onClick={() => void finish(acceptPromotion(id), w.accepted)}>{w.accept}</button>
      <label className="field"><span className="label">{w.why}</span><input name="reason" required autoComplete="off" /></label>
      <button type="submit" disabled={busy}>{w.decline}</button>
    </form>
  );
}
