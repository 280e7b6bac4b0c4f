/** How far answers can be relied on: golds and the test on them, agreement, bias, findings. Each figure with its n. */
import { useEffect, useRef, useState } from "react";
import { useReviewers } from "../api/queries";
import type { Reviewer, Reviewers } from "../api/wire";
import { useCommands } from "../keys/keymap";
import { duration } from "../marks/time";
import { Hint } from "../ui/hint";
import { Failed, Loading } from "../ui/state";
import { t } from "../words";
import { Agreements } from "./agreements";
import { Crowd } from "./crowd";
import { ShareBar } from "./share_bar";
import { Team } from "./team";

const w = t.quality;

export default function QualityPage() {
  const query = useReviewers();
  return (
    <main className="page quality">
      <header className="page-head"><h1>{w.title}</h1></header>
      {query.isPending ? <Loading /> : query.isError ? <Failed title={w.failed} error={query.error} retry={() => void query.refetch()} /> : <Board data={query.data} />}
    </main>
  );
}

function Board({ data }: { data: Reviewers }) {
  return (
    <>
      <p className="quiet">{data.own ? w.own : w.lead(data.answers, data.days)}</p>
      <section aria-labelledby="quality-people">
        <div className="quality-head">
          <h2 id="quality-people">{data.own ? w.yours : w.people}</h2>
          {data.reviewers.length > 1 && <span className="quiet"><Hint of="down" /> <Hint of="up" /> {w.move}</span>}
        </div>
        {data.reviewers.length === 0 ? <p className="quiet">{w.nobody}</p> : <People data={data} />}
      </section>
      {data.agreement && <Agreements data={data.agreement} />}
      {data.agreement && <Crowd data={data} />}
      {data.agreement && <Team names={new Map(data.reviewers.map((one) => [one.person, one.name]))} />}
    </>
  );
}

function People({ data }: { data: Reviewers }) {
  const [at, setAt] = useState<number | null>(null);
  const list = useRef<HTMLUListElement>(null);
  const names = new Map(data.reviewers.map((one) => [one.person, one.name]));
  const last = data.reviewers.length - 1;
  useCommands({
    down: () => setAt((now) => (now === null ? 0 : Math.min(last, now + 1))),
    up: () => setAt((now) => (now === null ? last : Math.max(0, now - 1))),
  });
  useEffect(() => {
    if (at !== null) list.current?.querySelectorAll<HTMLElement>("li[data-person]")[at]?.focus();
  }, [at]);
  return (
    <ul className="plain reviewers" ref={list}>
      {data.reviewers.map((one, index) => (
        <li key={one.person} data-person={one.person} className="section reviewer" tabIndex={-1} onFocus={() => setAt(index)} aria-label={one.name}>
          <Card one={one} names={names} />
        </li>
      ))}
    </ul>
  );
}

function Card({ one, names }: { one: Reviewer; names: Map<string, string> }) {
  const card = one.scorecard;
  const standing = card.test.standing;
  return (
    <>
      <header className="reviewer-head">
        <h3>{one.name}</h3>
        <span className={`standing ${standing}`}>{standing === "flagged" ? "! " : ""}{w.standing[standing]}</span>
        <span className="quiet">{w.answers(one.answers)}</span>
        <span className="quiet">{one.median_dwell === null ? w.noDwell : w.dwell(duration(one.median_dwell))}</span>
      </header>
      <div className="shares">
        <ShareBar name={w.accuracy} share={card.accuracy} unit={w.golds} />
        <ShareBar name={w.modelRight} share={card.model_right} unit={w.golds} soFar={!card.shown} />
        <ShareBar name={w.modelWrong} share={card.model_wrong} unit={w.golds} soFar={!card.shown} />
        <ShareBar name={w.approved} share={one.approved} unit={w.answered} />
      </div>
      {!card.shown && <p className="quiet">{w.notYet(card.golds, card.need)}</p>}
      <Findings one={one} names={names} />
    </>
  );
}

function Findings({ one, names }: { one: Reviewer; names: Map<string, string> }) {
  const lines = [
    ...one.flags.map((flag) => ({ key: `flag-${flag.code}`, hint: false, text: w.flags[flag.code] ?? flag.code })),
    ...one.alarms.map((alarm) => ({ key: alarm.code, hint: false, text: alarm.text })),
    ...one.anomalies.map((odd) => {
      const others = odd.with.map((who) => names.get(who) ?? who).join(", ");
      return { key: `${odd.kind}-${others}`, hint: odd.hint, text: `${w.anomalies[odd.kind] ?? odd.kind}${others ? ` (${others})` : ""}: ${odd.text}` };
    }),
  ];
  if (lines.length === 0) return null;
  return (
    <ul className="plain findings">
      {lines.map((line) => (
        <li key={line.key}><span className={line.hint ? "quiet" : "alarm"}>{line.hint ? w.hint : "!"}</span> {line.text}</li>
      ))}
    </ul>
  );
}
