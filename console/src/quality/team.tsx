/** The AI supervisor's record and how people's answers are weighed with the model's. Nothing where neither is in use. */
import type { ReactNode } from "react";
import { useFusions, useSupervisor } from "../api/queries";
import type { FusionRow, SupervisorFigures, SupervisorShare } from "../api/wire";
import { percent } from "../marks/amount";
import { Revealed } from "../marks/revealed";
import { Failed } from "../ui/state";
import { t } from "../words";

const w = t.team;
/** Labelled cases from which weights are fitted. */
const FOR_WEIGHTS = 200;

export function Team({ names }: { names: Map<string, string> }) {
  const supervisor = useSupervisor();
  const fusions = useFusions();
  const failed = [supervisor, fusions].find((query) => query.isError);
  const models = supervisor.data?.models ?? [];
  const items = fusions.data ?? [];
  if (!failed && models.length === 0 && items.length === 0) return null;
  return (
    <section className="section team" aria-labelledby="quality-team">
      <h2 id="quality-team">{w.title}</h2>
      {failed && <Failed title={w.failed} error={failed.error} retry={() => void failed.refetch()} />}
      {models.length > 0 && <Supervisors models={models} />}
      {items.length > 0 && <Fusions items={items} names={names} />}
    </section>
  );
}

function Supervisors({ models }: { models: SupervisorFigures[] }) {
  return (
    <>
      <h3>{w.supervisor}</h3>
      <p className="quiet">{w.supervisorLead}</p>
      <dl className="team-list">
        {models.map((one) => (
          <Row key={one.model} name={one.model}>
            <Fact name={w.catches}><Share of={one.catches} /></Fact>
            <Fact name={w.alarms}><Share of={one.false_alarms} /></Fact>
            <Fact name={w.unread}><strong>{one.unread}</strong></Fact>
          </Row>
        ))}
      </dl>
    </>
  );
}

function Fusions({ items, names }: { items: FusionRow[]; names: Map<string, string> }) {
  return (
    <>
      <h3>{w.fusion}</h3>
      <dl className="team-list">
        {items.map(({ action, version, fusion }) => (
          <Row key={action} name={action} note={`${w.version(version)}, ${w.answers(fusion.answers)}`}>
            <Fact name={w.rightPool}><strong>{percent(right(fusion.pool), 0)}</strong></Fact>
            <Fact name={w.rightPeople}>
              {Object.keys(fusion.people).length === 0 ? <span className="quiet">{w.noneMeasured}</span> : Object.entries(fusion.people).map(([who, matrix]) => <div key={who}><Revealed text={w.person(percent(right(matrix), 0), names.get(who) ?? who)} /></div>)}
            </Fact>
            <Fact name={w.weights}>
              {fusion.weights.length === 0 ? <span className="quiet">{w.asOne}: {w.notYet(fusion.n, FOR_WEIGHTS)}</span> : fusion.weights.map((each, i) => <div key={i}>{w.answered(i + 1)}: {each.map((weight) => weight.toFixed(2)).join(", ")}</div>)}
            </Fact>
          </Row>
        ))}
      </dl>
    </>
  );
}

function Row({ name, note, children }: { name: string; note?: string; children: ReactNode }) {
  return (
    <div className="team-row">
      <dt><strong><Revealed text={name} /></strong> {note && <span className="quiet">{note}</span>}</dt>
      <dd className="team-facts">{children}</dd>
    </div>
  );
}

function Fact({ name, children }: { name: string; children: ReactNode }) {
  return <div><div className="fact-name">{name}</div>{children}</div>;
}

function Share({ of: share }: { of: SupervisorShare }) {
  if (share.value === undefined) return <span className="quiet">{w.notYet(share.have, share.need)}</span>;
  return <><strong>{percent(share.value, 0)}</strong> <span className="quiet">{percent(share.low ?? 0, 0)} – {percent(share.high ?? 1, 0)}, {w.cases(share.have)}</span></>;
}

const right = (matrix: number[][]): number => matrix.reduce((sum, row, i) => sum + (row[i] ?? 0), 0) / Math.max(1, matrix.length);
