/** One case: its card, the answer being given, and every key that acts on it. */
import { useCallback, useEffect, useMemo, useState } from "react";
import type { CaseDetail, Json, Scope, Verdict } from "../api/wire";
import { haltName } from "../halts/halt_banner";
import { openedOf } from "../evidence/opened";
import { useCommands, useDigits } from "../keys/keymap";
import { visible } from "../marks/hidden";
import { same, summaryOf, words } from "../marks/json";
import { maskedPair } from "../marks/masks";
import { NotCounted, ReadingScope } from "../marks/reading";
import { Revealed } from "../marks/revealed";
import { clockTime } from "../marks/time";
import { readRoute } from "../route/route";
import { usePerson } from "../session/session";
import { fetchAhead, Later, later } from "../ui/later";
import { Loading } from "../ui/state";
import { useNow } from "../ui/now";
import { say } from "../ui/toast";
import { takeBack } from "../undo/undo_list";
import { t } from "../words";
import { AgentWords } from "./agent_words";
import type { PanelName } from "./answer_panel";
import { ArgumentsView } from "./arguments_view";
import { useArming } from "./arming";
import { choiceLabel, Choices, Subject, restOf, suggestionOf } from "./choices";
import { useDwell } from "./dwell";
import { REARM_MS } from "./latch";
import { Facts, Headline, WhyYou } from "./facts";
import { useCovered } from "./personal";
import { isHalted, useReviewing, type Answer } from "./reviewing";
import { NextCase, Settled } from "./settled";
import { ByHand } from "../takeover/by_hand";
import { useTakeOver } from "../takeover/holding";
import { VerdictBar } from "./verdict_bar";

const AnswerPanel = later(() => import("./answer_panel"), (module) => module.AnswerPanel);
const TakeOverForm = later(() => import("../takeover/take_over"), (module) => module.TakeOverForm);
const HandBack = later(() => import("../takeover/take_over"), (module) => module.HandBack);
const DiffView = later(() => import("../diff/diff_view"), (module) => module.DiffView);

export interface CaseViewProps {
  detail: CaseDetail;
  blurred: boolean;
  onSettled: () => void;
  onLater: () => void;
}

export function CaseView(props: CaseViewProps) {
  return (
    <ReadingScope digest={props.detail.card.digest}>
      <CaseBody {...props} />
    </ReadingScope>
  );
}

function CaseBody({ detail, blurred, onSettled, onLater }: CaseViewProps) {
  const { case: row } = detail;
  // what others have answered and only waits to count can still be stopped, not answered once more
  const waits = row.state === "open" && row.answered && !row.answered.by_you ? row.answered : null;
  const card = useMemo(() => (waits ? { ...detail.card, verdicts: detail.card.verdicts.filter((verdict) => waits.verdicts.includes(verdict)) } : detail.card), [detail.card, waits]);
  const person = usePerson();
  const [panel, setPanel] = useState<PanelName | null>(null);
  const [scope, setScope] = useState<Scope>("action");
  // a standing approval is never carried from one card to the next
  useEffect(() => setScope("action"), [card.digest]);
  const dwell = useDwell(card.digest);
  const ready = useReady(card.digest);
  const settled = useCallback(() => {
    setPanel(null);
    onSettled();
  }, [onSettled]);
  const over = useTakeOver(detail);
  const [askingOver, setAskingOver] = useState(false);
  useEffect(() => setAskingOver(false), [card.digest]);
  const mine = detail.claim?.reviewer_id === person.id && over.mine === null ? detail.claim : null;
  const reviewing = useReviewing(card, `${words(row.action)}: ${summaryOf(row)}`, mine, settled);

  useEffect(fetchAhead, []);

  const own = detail.reviews.find((review) => review.reviewer_id === person.id && !review.withdrawn_at && !review.voided_at);
  const excluded = own === undefined && card.quorum.excluded.includes(person.id);
  // the server refuses every answer while somebody else holds the case, so no button and no key offers one
  const holder = row.state === "open" && detail.claim?.reviewer_id !== undefined && detail.claim.reviewer_id !== person.id ? detail.claim : null;
  const open = row.state === "open" && !excluded && own === undefined && over.mine === null && holder === null;
  const canTake = over.free && waits === null && !excluded && own === undefined;
  // it was let through before anybody looked
  const after = row.soft && card.kind === "action";
  const labelling = card.kind === "annotation" || card.kind === "comparison";
  const picking = (card.choices?.length ?? 0) > 0;
  const suggestion = suggestionOf(card);
  // where labels stand to pick from and none is suggested, there is nothing that approving could mean
  const idle = (verdict: Verdict) => labelling && picking && suggestion === undefined && (verdict === "approve" || verdict === "edit");

  /** False for the moment in which the address is ahead of the card on screen. */
  const current = () => readRoute().caseId === row.id;
  const send = (answer: Answer) =>
    void reviewing.answer({
      ...answer,
      dwell_seconds: Math.round(dwell.seconds() * 10) / 10,
      evidence_opened: openedOf(card.digest),
      blind: card.blind,
      ...(answer.verdict === "approve" ? { scope } : {}),
    });

  const arming = useArming(card, dwell, (answer) => current() && send(answer));
  const { armed, disarm } = arming;
  const offer = (answer: Answer) => {
    if (card.high_stakes) void reviewing.take();
    arming.offer(answer);
  };
  const choose = (verdict: Verdict) => {
    if (!open || reviewing.busy || !current()) return;
    if (!card.verdicts.includes(verdict) || idle(verdict)) return say(waits ? t.toast.answeredAlready : t.toast.notAllowed, true);
    setPanel(verdict === "approve" ? null : verdict);
    if (verdict === "approve") return offer({ verdict });
    void reviewing.take();
    disarm();
  };
  const show = (name: PanelName | null) => {
    disarm();
    setPanel(name);
  };
  const askOver = () => {
    disarm();
    setPanel(null);
    setAskingOver(true);
  };
  const tookOver = () => {
    setAskingOver(false);
    reviewing.letGo();
  };
  const pick = (value: Json) => {
    if (!current()) return;
    const agrees = suggestion !== undefined && same(value, suggestion) && card.verdicts.includes("approve");
    offer(agrees ? { verdict: "approve" } : { verdict: "respond", value });
  };

  useCommands(
    {
      approve: () => choose("approve"),
      edit: () => choose("edit"),
      reject: () => choose("reject"),
      respond: () => choose("respond"),
      redirect: () => choose("redirect"),
      abstain: () => choose("abstain"),
      escalate: () => show("escalate"),
      later: onLater,
      release: () => void reviewing.release(),
      open: () => (waits ? settled() : void reviewing.take()),
      ...(armed ? { commit: arming.commit, back: disarm } : {}),
    },
    open && !askingOver,
  );
  useCommands({ take_over: askOver }, canTake && !askingOver);
  // nothing to answer here: Enter goes on
  const next = readRoute().filter.state === "open" ? settled : undefined;
  useCommands(next ? { open: next } : {}, !open && over.mine === null && !askingOver);

  // a verdict key on a card that takes none is told why, instead of nothing happening
  const closed = row.state !== "open" ? t.toast.settledAlready : holder ? t.toast.heldByOther : null;
  const refuse = () => closed && say(closed, true);
  useCommands({ approve: refuse, edit: refuse, reject: refuse, respond: refuse, redirect: refuse, abstain: refuse }, closed !== null && !open, false);
  useDigits(refuse, closed !== null && !open && picking);

  const rest = labelling ? restOf(card) : null;
  const changed = card.base !== null && !same(card.base, card.arguments);
  const covered = useCovered(card);
  const [was, is] = maskedPair(card.base, card.arguments, covered);
  return (
    <article className={`card ${card.high_stakes ? "high" : ""}`} aria-label={visible(summaryOf(row))} data-case={row.id} data-card={card.digest.slice(0, 12)} data-ready={ready}>
      <div className="card-body">
        <Headline card={card} row={row} />
        {excluded && <p className="notice">{t.card.excluded}</p>}
        {row.state === "open" && !after && isHalted(card) && card.halts?.map((halt) => <p key={halt.id} className="notice halted"><Revealed text={t.halts.over(halt.scope === "workspace" ? t.halts.everything : haltName(halt), halt.reason, halt.by ?? "", halt.at ? clockTime(halt.at) : "")} /></p>)}
        {waits && <Waits counts_at={waits.counts_at} verdicts={card.verdicts} onNext={next} />}
        <Presence detail={detail} />
        <ByHand detail={detail} />
        {labelling ? (
          <>
            <Subject card={card} blurred={blurred} />
            {picking && <Choices card={card} busy={reviewing.busy} active={open && panel === null && waits === null} armed={armed} onPick={pick} />}
            {rest && (
              <section className="section" aria-label={t.card.arguments}>
                <h2>{t.card.arguments}</h2>
                <ArgumentsView card={rest} />
              </section>
            )}
            <Facts card={card} row={row} />
            <WhyYou card={card} />
          </>
        ) : (
          <>
            <WhyYou card={card} />
            <Facts card={card} row={row} />
            {(panel !== "edit" || card.high_stakes) && (
              <section className={blurred ? "section blurred" : "section"} aria-label={t.card.arguments}>
                <h2>{panel === "edit" ? t.card.proposed : changed ? t.card.changes : t.card.arguments}</h2>
                {changed && panel !== "edit" && <Later fallback={<Loading />}><DiffView before={was} after={is} name={t.card.changes} /></Later>}
                {changed ? <details className="all-arguments" open={card.high_stakes || covered.length > 0}><summary>{t.card.arguments}</summary><ArgumentsView card={card} /></details> : <ArgumentsView card={card} />}
              </section>
            )}
            {picking && <Choices card={card} busy={reviewing.busy} active={open && panel === null && waits === null} armed={armed} onPick={pick} />}
          </>
        )}
        {panel && open && <NotCounted><Later><AnswerPanel name={panel} card={card} after={after} reviewing={reviewing} arming={arming} onAnswer={offer} onClose={() => show(null)} /></Later></NotCounted>}
        {askingOver && canTake && <NotCounted><Later><TakeOverForm over={over} onTaken={tookOver} onClose={() => setAskingOver(false)} /></Later></NotCounted>}
        {over.mine && <NotCounted><Later><HandBack card={card} mine={over.mine} over={over} /></Later></NotCounted>}
        <AgentWords card={card} />
      </div>
      {over.mine || askingOver ? null : open ? (
        (!panel || armed) && (
          <VerdictBar
            card={card}
            idle={idle}
            after={after}
            busy={reviewing.busy}
            arming={arming}
            claimed={reviewing.claim?.expires_at ?? null}
            approveLabel={suggestion !== undefined ? t.verdict.approveSuggestion(choiceLabel(card, suggestion)) : t.verdict.approve}
            scope={scope}
            onScope={setScope}
            onVerdict={choose}
            onEscalate={() => show("escalate")}
            onRelease={() => void reviewing.release()}
            onLater={onLater}
            onHalt={() => show("halt")}
            onTakeOver={canTake ? askOver : undefined}
          />
        )
      ) : (
        <Settled detail={detail} own={own} holder={holder} onNext={next} onTakeBack={(review) => void takeBack({ review, caseId: row.id })} onTakeOver={canTake ? askOver : undefined} />
      )}
    </article>
  );
}

function Waits({ counts_at: at, verdicts, onNext }: { counts_at: string | null; verdicts: Verdict[]; onNext: (() => void) | undefined }) {
  const now = useNow();
  const left = at ? Math.ceil((Date.parse(at) - now) / 1000) : 0;
  return <p className="notice waits"><span>✓ {t.card.waitsToCount}{left > 0 && `, ${t.undo.countsIn(left)}`}. {verdicts.length > 0 && t.card.onlyStops(verdicts.map((each) => t.verdict[each]).join(", "))}</span> {onNext && <NextCase onNext={onNext} />}</p>;
}

function Presence({ detail }: { detail: CaseDetail }) {
  const person = usePerson();
  const other = detail.case.claimed_by;
  if (!other || detail.claim?.reviewer_id === person.id || [person.id, person.name].includes(other)) return null;
  return <p className="notice presence">{t.context.viewing(other)}</p>;
}

/** False while a new card is not yet answerable (see latch.ts), so that it can be seen and waited for. */
function useReady(digest: string): boolean {
  const [ready, setReady] = useState("");
  useEffect(() => {
    const timer = setTimeout(() => setReady(digest), REARM_MS);
    return () => clearTimeout(timer);
  }, [digest]);
  return ready === digest;
}
