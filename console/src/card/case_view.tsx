/** One case: its card, the answer being given, and every key that acts on it. */
import { useCallback, useEffect, useState } from "react";
import type { CaseDetail, Json, Verdict } from "../api/wire";
import { DiffView } from "../diff/diff_view";
import { openedOf } from "../evidence/opened";
import { useCommands } from "../keys/keymap";
import { visible } from "../marks/hidden";
import { compact, same, summaryOf, words } from "../marks/json";
import { UnreadScope, useUnread } from "../marks/unread";
import { readRoute } from "../route/route";
import { usePerson } from "../session/session";
import { say } from "../ui/toast";
import { takeBack } from "../undo/undo_list";
import { t } from "../words";
import { AgentWords } from "./agent_words";
import { AnswerPanel, type PanelName } from "./answer_panel";
import { ArgumentsView } from "./arguments_view";
import { Choices, Subject, restOf, suggestionOf } from "./choices";
import { useDwell } from "./dwell";
import { REARM_MS } from "./latch";
import { Facts, Headline, WhyYou } from "./facts";
import { useReviewing, type Answer } from "./reviewing";
import { Settled } from "./settled";
import { VerdictBar, useBlocked } from "./verdict_bar";

export interface CaseViewProps {
  detail: CaseDetail;
  blurred: boolean;
  onSettled: () => void;
  onLater: () => void;
}

export function CaseView(props: CaseViewProps) {
  return (
    <UnreadScope>
      <CaseBody {...props} />
    </UnreadScope>
  );
}

function CaseBody({ detail, blurred, onSettled, onLater }: CaseViewProps) {
  const { card, case: row } = detail;
  const person = usePerson();
  const [panel, setPanel] = useState<PanelName | null>(null);
  const [armed, setArmed] = useState(false);
  const dwell = useDwell(card.digest);
  const ready = useReady(card.digest);
  const settled = useCallback(() => {
    setPanel(null);
    setArmed(false);
    onSettled();
  }, [onSettled]);
  const mine = detail.claim?.reviewer_id === person.id ? detail.claim : null;
  const reviewing = useReviewing(card, `${words(row.action)}: ${summaryOf(row)}`, mine, settled);
  const unread = useUnread();
  const blocked = useBlocked(card, dwell, armed);

  const own = detail.reviews.find((review) => review.reviewer_id === person.id && !review.withdrawn_at && !review.voided_at);
  const excluded = own === undefined && card.quorum.excluded.includes(person.id);
  const open = row.state === "open" && !excluded && own === undefined;
  const picking = (card.choices?.length ?? 0) > 0;
  const suggestion = suggestionOf(card);

  /** False for the moment in which the address is ahead of the card on screen. */
  const current = () => readRoute().caseId === row.id;
  const send = (answer: Answer) =>
    void reviewing.answer({
      ...answer,
      dwell_seconds: Math.round(dwell.seconds() * 10) / 10,
      evidence_opened: openedOf(card.digest),
      blind: card.blind,
      ...(answer.verdict === "approve" ? { scope: "action" as const } : {}),
    });

  const approve = () => {
    if (!card.high_stakes) return send({ verdict: "approve" });
    void reviewing.take();
    setPanel(null);
    setArmed(true);
  };
  const commit = () => {
    if (current() && armed && blocked === "" && unread === 0 && dwell.seconds() >= card.dwell_floor_seconds) send({ verdict: "approve" });
  };
  const choose = (verdict: Verdict) => {
    if (!open || reviewing.busy || !current()) return;
    if (!card.verdicts.includes(verdict)) return say(t.toast.notAllowed, true);
    if (verdict === "approve") return approve();
    void reviewing.take();
    setArmed(false);
    setPanel(verdict);
  };
  const pick = (value: Json) => {
    if (!current()) return;
    const agrees = suggestion !== undefined && same(value, suggestion) && card.verdicts.includes("approve") && !card.high_stakes;
    send(agrees ? { verdict: "approve" } : { verdict: "respond", value });
  };

  useCommands(
    {
      approve: () => choose("approve"),
      edit: () => choose("edit"),
      reject: () => choose("reject"),
      respond: () => choose("respond"),
      redirect: () => choose("redirect"),
      abstain: () => choose("abstain"),
      escalate: () => setPanel("escalate"),
      later: onLater,
      release: () => void reviewing.release(),
      open: () => void reviewing.take(),
      ...(armed ? { commit, back: () => setArmed(false) } : {}),
    },
    open,
  );

  const labelling = card.kind === "annotation" || card.kind === "comparison";
  const rest = labelling ? restOf(card) : null;
  const changed = card.base !== null && !same(card.base, card.arguments);
  return (
    <article className={`card ${card.high_stakes ? "high" : ""}`} aria-label={visible(summaryOf(row))} data-case={row.id} data-card={card.digest.slice(0, 12)} data-ready={ready}>
      <div className="card-body">
        <Headline card={card} row={row} />
        {excluded && <p className="notice">{t.card.excluded}</p>}
        <Presence detail={detail} />
        {labelling ? (
          <>
            <Subject card={card} blurred={blurred} />
            {picking && <Choices card={card} busy={reviewing.busy} active={open && panel === null} onPick={pick} />}
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
            {panel !== "edit" && (
              <section className={blurred ? "section blurred" : "section"} aria-label={t.card.arguments}>
                <h2>{changed ? t.card.changes : t.card.arguments}</h2>
                {changed && <DiffView before={card.base} after={card.arguments} name={t.card.changes} />}
                {changed ? <details className="all-arguments" open={card.high_stakes}><summary>{t.card.arguments}</summary><ArgumentsView card={card} /></details> : <ArgumentsView card={card} />}
              </section>
            )}
            {picking && <Choices card={card} busy={reviewing.busy} active={open && panel === null} onPick={pick} />}
          </>
        )}
        {panel && open && <AnswerPanel name={panel} card={card} reviewing={reviewing} onAnswer={send} onClose={() => setPanel(null)} />}
        <AgentWords card={card} />
      </div>
      {open ? (
        !panel && (
          <VerdictBar
            card={card}
            busy={reviewing.busy}
            armed={armed}
            claimed={reviewing.claim?.expires_at ?? null}
            approveLabel={suggestion !== undefined ? t.verdict.approveSuggestion(compact(suggestion)) : t.verdict.approve}
            blocked={blocked}
            onVerdict={choose}
            onCommit={commit}
            onDisarm={() => setArmed(false)}
            onEscalate={() => setPanel("escalate")}
            onRelease={() => void reviewing.release()}
            onLater={onLater}
            onHalt={() => setPanel("halt")}
          />
        )
      ) : (
        <Settled detail={detail} own={own} onTakeBack={(review) => void takeBack({ review, caseId: row.id })} />
      )}
    </article>
  );
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
