/** What only shows over everybody together: automation bias, fatigue, how answers are read, rules that change nothing. */
import type { ReactNode } from "react";
import type { Reviewers } from "../api/wire";
import { percent } from "../marks/amount";
import { t } from "../words";

const w = t.quality;
const signed = (share: number) => `${share > 0 ? "+" : ""}${percent(share)}`;

export function Crowd({ data }: { data: Reviewers }) {
  const { anchoring, fatigue, consensus, golds, rules } = data;
  return (
    <section className="section" aria-labelledby="quality-crowd">
      <h2 id="quality-crowd">{w.crowd}</h2>
      <dl className="crowd">
        {anchoring && (
          <Fact name={w.bias} note={w.biasLead}>
            {anchoring.value === null || anchoring.low == null || anchoring.high == null
              ? w.of(anchoring.n, anchoring.need, w.perArm)
              : `${signed(anchoring.value)} (${signed(anchoring.low)} – ${signed(anchoring.high)})`}
          </Fact>
        )}
        {fatigue && (
          <Fact name={w.fatigue} note={w.fatigueLead}>
            {fatigue.b === null ? w.of(fatigue.have ?? 0, fatigue.need ?? 0, w.evidence) : fatigue.stands ? `b ${fatigue.b.toFixed(2)} (${(fatigue.low ?? 0).toFixed(2)} – ${(fatigue.high ?? 0).toFixed(2)})` : w.noTrend}
          </Fact>
        )}
        {consensus && (
          <Fact name={w.consensus} note={consensus.warning ?? w.consensusLead} alarm={Boolean(consensus.warning)}>
            {consensus.way === null ? w.of(consensus.cases, consensus.need, w.doubled) : `${w.ways[consensus.way] ?? consensus.way}${consensus.differs === undefined ? "" : `; ${w.differs(percent(consensus.differs, 1))}`}`}
          </Fact>
        )}
        {golds && <Fact name={w.pool} note={golds.share > 0 && golds.pool === 0 ? w.poolEmpty : w.poolShare(percent(golds.share))} alarm={golds.share > 0 && golds.pool === 0}>{w.poolSize(golds.pool, golds.drawn)}</Fact>}
      </dl>
      {rules && rules.length > 0 && (
        <>
          <h3>{w.rules}</h3>
          <ul className="plain findings">{rules.map((rule) => <li key={rule.subject}><code>{rule.subject}</code> {rule.text}</li>)}</ul>
        </>
      )}
    </section>
  );
}

function Fact({ name, note, alarm = false, children }: { name: string; note: string; alarm?: boolean; children: ReactNode }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd><strong>{children}</strong><span className={alarm ? "alarm" : "quiet"}>{alarm ? "! " : ""}{note}</span></dd>
    </div>
  );
}
