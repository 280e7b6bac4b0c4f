/** The verdicts the server allows, and the ways out of a case. */
import { useEffect, useRef, useState } from "react";
import type { Card, Scope, Verdict } from "../api/wire";
import { keyOf, type Command } from "../keys/bindings";
import { money } from "../marks/amount";
import { clockTime } from "../marks/time";
import type { Missing } from "../marks/reading";
import { Revealed } from "../marks/revealed";
import { Hint, keyName } from "../ui/hint";
import { KEYLESS, PHONE, useMedia } from "../ui/media";
import { t } from "../words";
import type { Arming } from "./arming";
import { useCovered } from "./personal";
import { isHalted } from "./reviewing";
import { restate } from "./restate";

const ORDER: Verdict[] = ["approve", "edit", "reject", "respond", "redirect", "abstain"];
/** Shown on a phone without unfolding; rejecting stands beside approving. */
const FIRST: Verdict[] = ["approve", "edit", "reject"];

export interface VerdictBarProps {
  card: Card;
  /** allowed, and without a meaning on this card */
  idle: (verdict: Verdict) => boolean;
  /** it was let through before anybody looked */
  after: boolean;
  busy: boolean;
  arming: Arming;
  /** until when the claim is held, or null */
  claimed: string | null;
  approveLabel: string;
  scope: Scope;
  onScope: (scope: Scope) => void;
  onVerdict: (verdict: Verdict) => void;
  onEscalate: () => void;
  onRelease: () => void;
  onLater: () => void;
  onHalt: () => void;
  /** left out where the step cannot be taken over */
  onTakeOver: (() => void) | undefined;
}

export function VerdictBar(props: VerdictBarProps) {
  const { card, busy } = props;
  const phone = useMedia(PHONE);
  const [more, setMore] = useState(false);
  if (props.arming.armed) return <Armed {...props} />;
  // Where labels stand to pick from, they are the answer; a second way to respond would only confuse.
  const offered = ORDER.filter((verdict) => card.verdicts.includes(verdict) && !props.idle(verdict) && !(verdict === "respond" && card.choices?.length));
  const first = offered.filter((verdict) => FIRST.includes(verdict));
  const folded = phone && !more;
  const button = (verdict: Verdict) => (
    <button key={verdict} type="button" className={`verdict ${verdict}`} disabled={busy} onClick={() => props.onVerdict(verdict)}>
      {verdict === "approve" ? props.approveLabel : t.verdict[verdict]} <Hint of={verdict} />
    </button>
  );
  return (
    <div className="verdict-bar" role="group" aria-label={t.verdict.bar} aria-busy={busy}>
      <div className="verdicts">
        {(folded ? first : offered.filter((verdict) => verdict !== "abstain")).map(button)}
        {phone && (
          <button type="button" className="verdict" aria-expanded={more} onClick={() => setMore(!more)}>
            {more ? t.verdict.less : t.verdict.more}
          </button>
        )}
      </div>
      {isHalted(card) && !props.after && offered.includes("approve") && <p className="bar-note">{t.halts.approving}</p>}
      {card.scopes?.includes("run") && !card.high_stakes && offered.includes("approve") && <For card={card} busy={busy} scope={props.scope} onScope={props.onScope} />}
      {!folded && (
        <div className="exits">
          {offered.includes("abstain") && <Exit of="abstain" label={t.verdict.abstain} onClick={() => props.onVerdict("abstain")} />}
          <Exit of="escalate" label={t.verdict.escalate} onClick={props.onEscalate} />
          {props.onTakeOver && <Exit of="take_over" label={t.takeOver.go} onClick={props.onTakeOver} />}
          <Exit of="later" label={t.verdict.later} onClick={props.onLater} />
          {card.asked_by.agent && <button type="button" className="ghost" onClick={props.onHalt}>{t.verdict.haltAgent}</button>}
          {props.claimed && <Exit of="release" label={t.verdict.release} onClick={props.onRelease} />}
          {props.claimed && <span className="quiet yours">{t.queue.yours(clockTime(props.claimed))}</span>}
        </div>
      )}
    </div>
  );
}

/** For what Approve stands; spelled out before it is pressed. */
function For({ card, busy, scope, onScope }: { card: Card; busy: boolean; scope: Scope; onScope: (scope: Scope) => void }) {
  const amount = card.amount ? money(card.amount.value, card.amount.currency) : null;
  return (
    <label className="approve-for">
      <span>{t.verdict.scope.label}</span>
      <select
        value={scope}
        disabled={busy}
        onChange={(event) => {
          onScope(event.target.value as Scope);
          event.target.blur();
        }}
      >
        <option value="action">{t.verdict.scope.action}</option>
        <option value="run">{t.verdict.scope.run}</option>
      </select>
      {scope === "run" && <span className="quiet" role="status">{t.verdict.scope.means(amount)}</span>}
    </label>
  );
}

function Exit({ of, label, onClick }: { of: Command; label: string; onClick: () => void }) {
  return (
    <button type="button" className="ghost" onClick={onClick}>
      {label} <Hint of={of} />
    </button>
  );
}

/** What waits for its second key, restated, and in words what is still missing. */
function Armed({ card, after, busy, arming, onVerdict }: VerdictBarProps) {
  const bar = useRef<HTMLDivElement>(null);
  const covered = useCovered(card);
  const keyless = useMedia(KEYLESS);
  useEffect(() => bar.current?.focus({ preventScroll: true }), []);
  const { armed, missing, secondsLeft } = arming;
  if (!armed) return null;
  const ready = missing.length === 0 && secondsLeft === 0;
  return (
    <div ref={bar} tabIndex={-1} className="verdict-bar armed" role="group" aria-label={t.verdict.bar}>
      <div className="armed-words">
        <p className="restated">
          {restate(card, armed, covered).map((line, i) => <strong key={i}><Revealed text={t.form.restate(line)} /> </strong>)}
        </p>
        {isHalted(card) && !after && <p>{t.halts.approving}</p>}
        <p>
          <span role="status">{ready ? (keyless ? t.verdict.armedTouch : t.verdict.armed(keyName(keyOf("commit")))) : <Revealed text={t.verdict.notYet(missingWords(missing))} />}</span>
          {secondsLeft > 0 && <span className="seconds-left"> {t.verdict.moreSeconds(secondsLeft)}</span>}
          {missing.length > 0 && <button type="button" className="small" onClick={goToMissing}>{t.verdict.goTo}</button>}
        </p>
      </div>
      <div className="verdicts">
        <button type="button" className="verdict approve" disabled={busy || !ready} onClick={arming.commit}>
          {t.verdict.commit[armed.verdict as keyof typeof t.verdict.commit]} <Hint of="commit" />
        </button>
        {card.verdicts.includes("reject") && (
          <button type="button" className="verdict reject" disabled={busy} onClick={() => onVerdict("reject")}>
            {t.verdict.reject} <Hint of="reject" />
          </button>
        )}
        <button type="button" className="ghost" onClick={arming.disarm}>
          {t.verdict.disarm} <Hint of="back" />
        </button>
      </div>
    </div>
  );
}

const SAID = 3;

function missingWords(missing: Missing[]): string {
  if (missing.length === 0) return t.verdict.readOn;
  const parts = (["rest", "hidden"] as const).flatMap((kind) => {
    const names = missing.filter((each) => each.kind === kind).map((each) => t.verdict.quoted(each.name));
    const more = names.length > SAID ? ` ${t.verdict.andMore(names.length - SAID)}` : "";
    return names.length > 0 ? [t.verdict.missing[kind](names.slice(0, SAID).join(", ") + more)] : [];
  });
  const fields = missing.filter((each) => each.kind === "fields").map((each) => t.verdict.missing.fields(each.name));
  return [...fields, ...parts].join("; ");
}

/** The first thing not read yet, in the order of the page. */
function goToMissing(): void {
  const all = [...document.querySelectorAll<HTMLElement>(".card-body [data-unread]")];
  const first = all.find((each) => each.checkVisibility()) ?? all[0];
  first?.closest("details")?.setAttribute("open", "");
  first?.scrollIntoView({ block: "center" });
  first?.querySelector<HTMLElement>("button:not(:disabled)")?.focus({ preventScroll: true });
}
