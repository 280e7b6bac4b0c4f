/** The first screenful: what, to whom, how much, can it be undone, why me, by when, what if nobody answers. */
import type { Card, CaseRow, Json } from "../api/wire";
import { money } from "../marks/amount";
import { compact, isObject, summaryOf, words } from "../marks/json";
import { Revealed } from "../marks/revealed";
import { clockTime, day } from "../marks/time";
import { Deadline } from "../ui/deadline";
import { t } from "../words";

export function Headline({ card, row }: { card: Card; row: CaseRow }) {
  return (
    <header className="headline">
      <div className="headline-top">
        <span className="verb"><Revealed text={words(card.action)} /></span>
        <span className={`tag tier ${card.tier}`}>{t.tier[card.tier]}</span>
        {card.high_stakes && <span className="tag stakes">▲ {t.queue.highStakes}</span>}
        {row.soft && <span className="tag">{t.queue.after}</span>}
        {card.revision > 1 && <span className="tag">{t.card.revision(card.revision)}</span>}
        <UndoTag card={card} />
      </div>
      <h1 className="what">
        {card.amount && <span className="amount">{money(card.amount.value, card.amount.currency)}</span>}
        <span className="summary"><Revealed text={card.kind === "comparison" ? t.pick.which : summaryOf(row)} /></span>
      </h1>
      {card.target !== null && <p className="target"><span className="fact-name">{t.card.on}</span> <Revealed text={targetText(card)} /></p>}
    </header>
  );
}

export function targetText(card: Card): string {
  const { target } = card;
  if (!isObject(target)) return compact(target);
  return Object.entries(target).map(([name, value]) => `${words(name)} ${compact(value)}`).join(" · ");
}

/** Kinds whose outcome is an answer, not an effect: there is nothing to take back. */
const ANSWERS = new Set(["annotation", "comparison", "question", "prediction"]);

function UndoTag({ card }: { card: Card }) {
  if (!card.undo.action && ANSWERS.has(card.kind)) return null;
  if (!card.undo.action) return <span className="tag no-undo">⊘ {t.card.cannotUndo}</span>;
  return (
    <span className="tag good">
      ↺ {t.card.undoBy(words(card.undo.action))}
    </span>
  );
}

export function WhyYou({ card }: { card: Card }) {
  if (card.reasons.length === 0) return null;
  return (
    <section className="why" aria-label={t.card.whyYou}>
      <h2 className="fact-name">{t.card.whyYou}</h2>
      <ul>
        {card.reasons.map((reason, i) => (
          <li key={i}>
            <Revealed text={reason.text} /> <code className="quiet">{reason.code}</code>
          </li>
        ))}
        {card.grants?.map((grant) => (
          <li key={grant.id}>
            <Revealed text={t.card.granted(grant.by, grant.amount ? money(grant.amount, grant.currency) : null, grant.uses_left, clockTime(grant.expires))} /> <code className="quiet">grant:{grant.id.slice(0, 8)}</code>
          </li>
        ))}
      </ul>
    </section>
  );
}

export function Facts({ card, row }: { card: Card; row: CaseRow }) {
  const chain = [card.asked_by.principal, card.asked_by.agent, words(card.action)].filter((part): part is string => Boolean(part));
  return (
    <dl className="facts">
      {row.state === "open" ? (
        <>
          <Fact name={t.card.by}>
            <Deadline at={card.deadline} openedAt={row.opened_at} />
          </Fact>
          <Fact name={t.card.then}>
            <strong className={card.on_expiry === "unsafe_approve" ? "alarm" : ""}>{row.soft && card.on_expiry !== "hold" ? t.card.stands : t.card.onExpiry[card.on_expiry]}</strong>
            <span className="quiet"> · {card.waiting ? t.card.waiting : t.card.notWaiting}</span>
          </Fact>
        </>
      ) : (
        <Fact name={t.card.opened}>{clockTime(row.opened_at)}</Fact>
      )}
      <Fact name={t.card.asks}>
        <Revealed text={chain.join(" → ")} />
        {card.asked_by.run && <span className="quiet"> · <Revealed text={card.asked_by.run} /></span>}
      </Fact>
      <Fact name={t.card.reviews}>
        {t.card.ofReviews(card.quorum.have, card.quorum.need)}
        {card.quorum.roles.length > 0 && <span className="quiet"> · {card.quorum.roles.join(", ")}</span>}
      </Fact>
      <Fact name={t.card.confidence}>
        <Confidence card={card} />
      </Fact>
      {card.reach !== null && (
        <Fact name={t.card.reach}>
          <Revealed text={reachText(card)} />
        </Fact>
      )}
    </dl>
  );
}

function Fact({ name, children }: { name: string; children: React.ReactNode }) {
  return (
    <div className="fact">
      <dt className="fact-name">{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}

function Confidence({ card }: { card: Card }) {
  if (card.blind) return <span className="quiet">{t.card.blind}</span>;
  if (card.confidence === null) return <span className="quiet">{t.card.noConfidence}</span>;
  const { band, calibrator, fitted_at } = card.confidence;
  return (
    <>
      {band.replace("-", "–")}
      <span className="quiet"> · {calibrator ? `${t.card.calibrated} ${fitted_at ? day(fitted_at) : ""}` : t.card.noCalibrator}</span>
    </>
  );
}

function reachText(card: Card): string {
  const { reach } = card;
  if (!isObject(reach)) return compact(reach);
  const head = [reach.count, reach.unit].filter((part) => part !== undefined && part !== null).map(compact).join(" ");
  const rest = Object.entries(reach).filter(([name, value]) => !["count", "unit"].includes(name) && value !== null && value !== false);
  const said = ([name, value]: [string, Json]) => (name === "external" && value === true ? t.card.outside : value === true ? words(name) : name === "money" ? compact(value) : `${words(name)} ${compact(value)}`);
  return [head, ...rest.map(said)].filter(Boolean).join(" · ");
}
