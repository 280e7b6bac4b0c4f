/** What is watched: how much evidence each monitor has against all being well, and the line from which it alarms. */
import { liftAlarm, queryClient, useMonitors } from "../api/queries";
import type { Monitor, Monitors } from "../api/wire";
import { percent } from "../marks/amount";
import { clockTime } from "../marks/time";
import { go } from "../route/route";
import { Failed, Loading } from "../ui/state";
import { say, sayProblem } from "../ui/toast";
import { t } from "../words";

const w = t.monitors;
const WIDTH = 180;
const HEIGHT = 40;

export function MonitorsPanel() {
  const query = useMonitors();
  return (
    <section className="section" aria-label={w.title}>
      <h2>{w.title}</h2>
      <p className="quiet">{w.lead}</p>
      {query.isPending ? <Loading /> : query.isError ? <Failed title={w.failed} error={query.error} retry={() => void query.refetch()} /> : <Watched data={query.data} />}
      {query.data?.capacity && <Capacity capacity={query.data.capacity} />}
    </section>
  );
}

function Watched({ data }: { data: Monitors }) {
  if (data.items.length === 0) return <p className="quiet">{w.none}</p>;
  return (
    <>
      <table className="data monitors">
        <thead><tr><th scope="col">{w.action}</th><th scope="col">{w.kind}</th><th scope="col" className="numeric">{w.n}</th><th scope="col">{w.curve}</th><th scope="col">{w.standing}</th></tr></thead>
        <tbody>{data.items.map((each) => <Line key={each.id} monitor={each} />)}</tbody>
      </table>
      <ul className="plain">
        {data.waiting.map((each) => <Waiting key={each.action} waiting={each} />)}
        {data.estimates.map((each) => (
          <li key={each.action}>
            {w.letThrough(each.action)}{" "}
            {each.error === null ? <span className="quiet">{each.evidence}</span> : <><strong>{percent(each.error, 2)}</strong> <span className="quiet">{w.interval(percent(each.low ?? 0, 2), percent(each.high ?? 1, 2), each.checks, each.let_through)}</span></>}
          </li>
        ))}
      </ul>
    </>
  );
}

function Waiting({ waiting }: { waiting: Monitors["waiting"][number] }) {
  const more = waiting.checks - waiting.first.length;
  return (
    <li>
      {w.waits(waiting.action, waiting.checks)}{" "}
      {waiting.first.map((each, at) => (
        <span key={each.case_id}>
          {at > 0 && ", "}
          <button type="button" className="small" onClick={() => go({ page: "queue", caseId: each.case_id })}><code>{each.case_id}</code></button>
          {at === 0 && each.deadline && <span className="quiet"> ({w.until(clockTime(each.deadline))})</span>}
        </span>
      ))}
      {more > 0 && <> {w.more(more)}</>}
      {waiting.held_up > 0 && <span className="quiet"> {w.behind(waiting.held_up)}</span>}
    </li>
  );
}

/** The shadow price: what one more reviewed case would save while people are few. */
function Capacity({ capacity }: { capacity: NonNullable<Monitors["capacity"]> }) {
  const dear = capacity.factor > 1;
  const money = (value: number, currency: string | null) => `${value.toLocaleString("en-GB", { maximumSignificantDigits: 4 })} ${currency ?? ""}`.trim();
  return (
    <div role="group" aria-label={w.capacityTitle}>
      <h3>{w.capacityTitle}</h3>
      <p>
        {w.capacity(capacity.reviews_per_day, capacity.asked, capacity.hours)}{" "}
        {dear ? <strong>{w.capacityDear(capacity.factor.toFixed(2))}</strong> : w.capacityFree}
        {capacity.at_most && <span className="alarm"> ! {w.capacityMost}</span>}
      </p>
      {dear && (
        <ul className="plain">
          {capacity.agents.map((each) => (
            <li key={each.agent ?? ""}>
              {w.capacityAgent(each.agent, each.asked, each.factor.toFixed(2))}
              {each.at_most && <span className="alarm"> ! {w.capacityLimit}</span>}
            </li>
          ))}
        </ul>
      )}
      {dear && <ul className="plain">{capacity.prices.map((each) => <li key={each.action}>{w.shadowPrice(each.action, money(each.counts, each.currency), money(each.review, each.currency))}</li>)}</ul>}
    </div>
  );
}

function Line({ monitor }: { monitor: Monitor }) {
  const alarm = monitor.standing === "alarm";
  return (
    <tr>
      <td>{monitor.action || w.workspace}</td>
      <td>{w.kinds[monitor.kind]}</td>
      <td className="numeric">{monitor.n.toLocaleString("en-GB")}</td>
      <td><Curve monitor={monitor} /></td>
      <td>
        {alarm ? <span className="alarm">! {w.since(clockTime(monitor.alarmed_at ?? ""))}</span> : monitor.evidence ?? w.quiet}
        {alarm && monitor.text && <div className="quiet">{monitor.text}</div>}
        {alarm && <Lift monitor={monitor} />}
      </td>
    </tr>
  );
}

function Lift({ monitor }: { monitor: Monitor }) {
  const lift = () => {
    const reason = window.prompt(w.why);
    if (!reason?.trim()) return;
    liftAlarm(monitor.id, reason.trim()).then(() => { say(w.lifted); void queryClient.invalidateQueries({ queryKey: ["monitors"] }); }).catch(sayProblem);
  };
  return <button type="button" className="small" onClick={lift}>{w.lift}</button>;
}

/** log E against n, with the line drawn in. What lies below nothing is drawn at the bottom. */
function Curve({ monitor }: { monitor: Monitor }) {
  const top = Math.max(monitor.line * 1.15, ...monitor.curve.map(([, log]) => log));
  const bottom = Math.max(-monitor.line, Math.min(0, ...monitor.curve.map(([, log]) => log)));
  const last = Math.max(1, monitor.n);
  const y = (log: number) => HEIGHT - ((Math.max(bottom, log) - bottom) / (top - bottom)) * HEIGHT;
  const points = monitor.curve.map(([n, log]) => `${((n / last) * WIDTH).toFixed(1)},${y(log).toFixed(1)}`).join(" ");
  return (
    <svg className="curve" viewBox={`0 0 ${WIDTH} ${HEIGHT}`} role="img" aria-label={w.said(monitor.log_e, monitor.line)}>
      <line className="curve-line" x1="0" x2={WIDTH} y1={y(monitor.line)} y2={y(monitor.line)} />
      <polyline className="curve-path" points={points} />
    </svg>
  );
}

/** Said on every page: alarms that stand, a full queue, calibrators out of date. */
export function MonitorBanner() {
  const { data } = useMonitors();
  if (!data) return null;
  const said = [
    ...data.items.filter((each) => each.standing === "alarm").map((each) => w.bannerAlarm(each.action || w.workspace, w.kinds[each.kind], each.raises_to ? t.tier[each.raises_to] : null)),
    ...(data.overflow ? [w.bannerOverflow(data.overflow.open, data.overflow.displaced, data.overflow.shadow_cost === null ? null : `${data.overflow.shadow_cost} ${data.overflow.currency ?? ""}`.trim())] : []),
    ...data.stale.map((each) => w.bannerStale(each.action, each.text)),
  ];
  return <>{said.map((text) => <p key={text} className="halt-banner" role="status">! {text}</p>)}</>;
}
