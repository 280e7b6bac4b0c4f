/** Calibrators: how old each is, whether it is out of date, and the reliability diagram: before, as fitted, and since. */
import { useState } from "react";
import { useCalibrators, useReliability } from "../api/queries";
import type { Quality, Reliability } from "../api/wire";
import { percent } from "../marks/amount";
import { visible } from "../marks/hidden";
import { Revealed } from "../marks/revealed";
import { clockTime } from "../marks/time";
import { useNow } from "../ui/now";
import { Failed, Loading } from "../ui/state";
import { t } from "../words";
import { ReliabilityChart } from "./reliability_chart";

const w = t.confidence;
const DAY = 86_400_000;
const SERIES = ["before", "after", "since"] as const;

export function Confidence() {
  const query = useCalibrators();
  // fusions and what reviewers' answers are read by are kept beside calibrators
  const rows = (query.data ?? []).filter((row) => "metrics" in row.calibrator);
  const made = new Map([...rows].reverse().map((row) => [row.name, row.made_at]));
  const names = [...made.keys()].sort();
  const now = useNow();
  const [picked, setPicked] = useState("");
  const name = names.includes(picked) ? picked : (names[0] ?? "");
  return (
    <section className="section confidence" aria-label={w.title}>
      <h2>{w.title}</h2>
      {query.isPending ? <Loading /> : query.isError ? <Failed title={w.failed} error={query.error} retry={() => void query.refetch()} /> : names.length === 0 ? <p className="quiet">{w.none}</p> : (
        <>
          <p className="quiet">{w.lead}</p>
          {names.length > 1 && (
            <label className="field calibrator-pick">
              <span className="label">{w.pick}</span>
              <select value={name} onChange={(event) => setPicked(event.target.value)}>{names.map((each) => <option key={each} value={each}>{visible(each)} · {w.age((now - Date.parse(made.get(each) ?? "")) / DAY)}</option>)}</select>
            </label>
          )}
          <One name={name} />
        </>
      )}
    </section>
  );
}

function One({ name }: { name: string }) {
  const query = useReliability(name);
  const now = useNow();
  if (query.isPending) return <Loading />;
  if (query.isError) return <Failed title={w.failed} error={query.error} retry={() => void query.refetch()} />;
  const data = query.data;
  return (
    <>
      <p className="calibrator-head">
        <strong><Revealed text={data.name} /></strong> <span className="tag">{data.method}</span>{" "}
        <span className="quiet">
          {w.version(data.version)}{data.action && <>, <Revealed text={w.action(data.action)} /></>}{data.model && <>, <Revealed text={data.model} /></>} · {w.fitted(data.n, w.age((now - Date.parse(data.fitted_at)) / DAY))} ({clockTime(data.fitted_at)})
          {data.borrowed > 0 && ` · ${w.borrowed(data.borrowed)}`}{data.stale.length === 0 && ` · ${w.fresh}`}
        </span>
      </p>
      {data.stale.length > 0 && <p className="notice">! <Revealed text={w.stale(data.stale.join("; "))} /></p>}
      <div className="reliabilities">
        {SERIES.map((series) => <Panel key={series} name={w.series[series]} quality={data[series]} nothing={series === "since" && data.action === null ? w.noSince : w.nothing} />)}
      </div>
      <Figures data={data} />
    </>
  );
}

function Panel({ name, quality, nothing }: { name: string; quality: Quality | null; nothing: string }) {
  return (
    <figure className="reliability">
      <figcaption><strong>{name}</strong> <span className="quiet">{quality?.bins ? `n ${quality.n.toLocaleString("en-GB")}` : ""}</span></figcaption>
      {quality?.bins ? <ReliabilityChart name={name} bins={quality.bins} /> : <p className="quiet reliability-none">{quality ? w.notYet(quality.n, quality.need ?? LEAST) : nothing}</p>}
      {quality?.bins && <p className="quiet">{w.loss} {quality.log_loss?.toFixed(3)} · {w.off} {percent(quality.calibration_error ?? 0)}</p>}
    </figure>
  );
}

/** Below this the server gives no figures, whatever else was missing. */
const LEAST = 30;

function Figures({ data }: { data: Reliability }) {
  const rows = SERIES.flatMap((series) => (data[series]?.bins ?? []).map((bin) => ({ series, bin })));
  if (rows.length === 0) return null;
  return (
    <details>
      <summary>{w.table}</summary>
      <table className="data">
        <thead><tr><th scope="col">{w.set}</th><th scope="col" className="numeric">{w.said}</th><th scope="col" className="numeric">{w.right}</th><th scope="col" className="numeric">{w.interval}</th><th scope="col" className="numeric">{w.cases}</th></tr></thead>
        <tbody>
          {rows.map(({ series, bin }, i) => (
            <tr key={i}><td>{w.series[series]}</td><td className="numeric">{percent(bin.confidence)}</td><td className="numeric">{percent(bin.accuracy)}</td><td className="numeric">{percent(bin.low)} – {percent(bin.high)}</td><td className="numeric">{bin.n.toLocaleString("en-GB")}</td></tr>
          ))}
        </tbody>
      </table>
    </details>
  );
}
