/** How the work goes: depth, age, deadlines, the share that reaches a person, and who decided what. */
import { lazy, Suspense, type ReactNode } from "react";
import { useOperations } from "../api/queries";
import type { Operations, Tier } from "../api/wire";
import { percent } from "../marks/amount";
import { brief, duration } from "../marks/time";
import { Failed, Loading } from "../ui/state";
import { t } from "../words";
import { Autonomy } from "./autonomy";
import { UnknownExecutions } from "./unknown_executions";
import { RateBand } from "./rate_band";
import { Confidence } from "./confidence";
import { MonitorsPanel } from "./monitors_panel";

const RoundChart = lazy(() => import("./round_chart"));
const w = t.operations;

export default function OperationsPage() {
  const query = useOperations();
  return (
    <main className="page operations">
      <header className="page-head"><h1>{w.title}</h1></header>
      {query.isPending ? <Loading /> : query.isError ? <Failed title={w.failed} error={query.error} retry={() => void query.refetch()} /> : <Board data={query.data} />}
    </main>
  );
}

function Board({ data }: { data: Operations }) {
  return (
    <>
      <div className="figures">
        <Figure name={w.open} value={data.open.toLocaleString()} note={data.overdue > 0 ? <span className="alarm">! {data.overdue} {w.overdue}</span> : `0 ${w.overdue}`} />
        <Figure name={w.oldest} value={data.oldest_seconds === null ? "–" : brief(data.oldest_seconds)} note={finer(data.oldest_seconds)} />
        <Figure name={w.attainment} value={data.deadline_attainment === null ? "–" : percent(data.deadline_attainment)} />
        <Figure name={w.unknown} value={String(data.unknown_executions)} note={data.unknown_executions > 0 ? <span className="alarm">! {w.settle}</span> : w.none} />
        <Figure name={w.log} value={data.log.size.toLocaleString()} note={data.log.unsigned_seconds ? w.unsigned(duration(data.log.unsigned_seconds)) : w.signed} />
      </div>
      <section className="section rate">
        <h2>{w.rate}</h2>
        <RateBand rate={data.review_rate} target={data.review_rate_target} alarm={data.review_rate_alarm} />
      </section>
      {data.unknown_executions > 0 && <UnknownExecutions />}
      <MonitorsPanel />
      <Confidence />
      <section className="section">
        <h2>{w.chart}</h2>
        {data.chart.length === 0 ? <p className="quiet">{w.noChart}</p> : <ChartWithTable data={data} />}
      </section>
      <Autonomy />
      <div className="two">
        <section className="section">
          <h2>{w.people}</h2>
          <People data={data} />
        </section>
        <section className="section">
          <h2>{w.queues}</h2>
          <Queues data={data} />
        </section>
      </div>
    </>
  );
}

/** What the short form leaves out. */
const finer = (seconds: number | null): string => (seconds === null || duration(seconds) === brief(seconds) ? "" : duration(seconds));

function Figure({ name, value, note }: { name: string; value: string; note?: ReactNode }) {
  return (
    <div className="figure">
      <div className="fact-name">{name}</div>
      <div className="figure-value">{value}</div>
      <div className="quiet">{note}</div>
    </div>
  );
}

function ChartWithTable({ data }: { data: Operations }) {
  return (
    <>
      <Suspense fallback={<Loading />}><RoundChart data={data} /></Suspense>
      <details>
        <summary>{w.showTable}</summary>
        <table className="data">
          <thead><tr><th scope="col" className="numeric">{w.round}</th><th scope="col" className="numeric">{w.reviewRate}</th><th scope="col" className="numeric">{w.modelError}</th></tr></thead>
          <tbody>
            {data.chart.map((point) => (
              <tr key={point.round}><td className="numeric">{point.round}</td><td className="numeric">{percent(point.review_rate)}</td><td className="numeric">{point.model_error === null ? "–" : percent(point.model_error)}</td></tr>
            ))}
          </tbody>
        </table>
      </details>
    </>
  );
}

function People({ data }: { data: Operations }) {
  if (data.decisions_per_person.length === 0) return <p className="quiet">{w.nobody}</p>;
  const most = Math.max(...data.decisions_per_person.map((person) => person.count), 1);
  return (
    <table className="data people">
      <thead><tr><th scope="col">{w.name}</th><th scope="col">{w.count}</th><th scope="col" className="numeric">{w.dwell}</th></tr></thead>
      <tbody>
        {data.decisions_per_person.map((person) => (
          <tr key={person.person}>
            <td>{person.name}</td>
            <td><Bar share={person.count / most} text={String(person.count)} /></td>
            <td className="numeric">{person.median_dwell === null ? "–" : duration(person.median_dwell)}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function Queues({ data }: { data: Operations }) {
  const most = Math.max(...data.by_queue.map((queue) => queue.open), ...Object.values(data.by_tier), 1);
  return (
    <table className="data people">
      <thead><tr><th scope="col">{w.queue}</th><th scope="col">{w.waiting}</th><th scope="col" className="numeric">{w.oldest}</th></tr></thead>
      <tbody>
        {data.by_queue.map((queue) => (
          <tr key={queue.queue}>
            <td>{queue.queue}</td>
            <td><Bar share={queue.open / most} text={String(queue.open)} /></td>
            <td className="numeric">{queue.oldest_seconds == null ? "–" : duration(queue.oldest_seconds)}</td>
          </tr>
        ))}
        {Object.entries(data.by_tier).map(([tier, count]) => (
          <tr key={tier} className="subtle">
            <td>{t.tier[tier as Tier] ?? tier}</td>
            <td><Bar share={count / most} text={String(count)} /></td>
            <td />
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function Bar({ share, text }: { share: number; text: string }) {
  return (
    <span className="bar-cell">
      <span className="bar" aria-hidden="true"><span style={{ width: `${Math.round(share * 100)}%` }} /></span>
      <span className="bar-text">{text}</span>
    </span>
  );
}
