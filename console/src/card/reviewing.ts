/** The claim on the open case, and the way a verdict goes to the server. */
import { useCallback, useEffect, useRef, useState } from "react";
import { ProblemError } from "../api/http";
import { claimCase, escalateCase, giveReview, queryClient, releaseClaim, renewClaim } from "../api/queries";
import type { Card, CaseDetail, Claim, ReviewAnswer, ReviewBody } from "../api/wire";
import { plain } from "../marks/plain";
import { say, sayProblem } from "../ui/toast";
import { noteAnswered, offerUndo } from "../undo/undo_list";
import { t } from "../words";
import { dropDraft } from "./drafts";
import { armed, cardShown, latched } from "./latch";

export type Answer = Omit<ReviewBody, "fence" | "revision" | "card">;

export interface Reviewing {
  claim: Claim | null;
  busy: boolean;
  /** what the server's refusal says about single fields, by JSON Pointer */
  problems: Record<string, string>;
  take: () => Promise<void>;
  answer: (answer: Answer) => Promise<void>;
  escalate: (reason: string) => Promise<void>;
  release: (quietly?: boolean) => Promise<void>;
  /** the claim is held for something else now: neither renew nor release it */
  letGo: () => void;
}

/** A claim taken elsewhere (the next case of a queue), waiting for its card to come on screen. */
const handed = new Map<string, Claim>();

export function handOver(claim: Claim): void {
  handed.set(claim.case_id, claim);
}

/** Renew when half of the claim's time is gone. */
const HEARTBEAT_SHARE = 0.5;

/** `mine` is a claim the server already holds for this person, after a reload for instance. */
export function useReviewing(card: Card, summary: string, mine: Claim | null, onSettled: (settled: boolean) => void): Reviewing {
  const id = card.case_id;
  const [claim, setClaim] = useState<Claim | null>(null);
  const [busy, setBusy] = useState(false);
  const [problems, setProblems] = useState<Record<string, string>>({});
  const held = useRef<Claim | null>(null);
  const first = useRef(mine);

  const hold = useCallback((next: Claim | null) => {
    held.current = next;
    setClaim(next);
  }, []);

  useEffect(() => cardShown(card.digest), [card.digest]);
  useHeartbeat(claim, hold);
  useEffect(() => {
    hold(handed.get(id) ?? first.current);
    handed.delete(id);
    return () => {
      const left = held.current;
      held.current = null;
      if (left) void releaseClaim(left.case_id, left.fence).catch(() => undefined);
    };
  }, [id, hold]);

  const asking = useRef<Promise<void> | null>(null);
  const take = useCallback((): Promise<void> => {
    if (held.current) return Promise.resolve();
    const ask = async () => {
      const taken = await claimCase(id);
      hold(taken.claim);
      if (taken.card.digest === card.digest) return;
      await queryClient.invalidateQueries({ queryKey: ["case", id] });
      throw new ProblemError(changed());
    };
    asking.current ??= ask().finally(() => {
      asking.current = null;
    });
    return asking.current;
  }, [id, card.digest, hold]);

  const guarded = useCallback(
    (work: () => Promise<void>) =>
      latched(id, async () => {
        if (!armed()) return;
        setBusy(true);
        setProblems({});
        try {
          await work();
        } catch (error) {
          setProblems(fieldProblems(error));
          explain(error, id, () => hold(null));
        } finally {
          setBusy(false);
        }
      }),
    [id, hold],
  );

  const answer = useCallback(
    (given: Answer) =>
      guarded(async () => {
        await take();
        const fence = held.current?.fence ?? 0;
        const result = await giveReview(id, { ...given, fence, revision: card.revision, card: card.digest });
        held.current = null;
        setClaim(null);
        dropDraft(id);
        // an edit makes the next revision, which is this person's own
        noteAnswered(id, given.verdict === "edit" ? card.revision + 1 : card.revision);
        const said = isObjection(result, card) && given.verdict === "edit" ? t.undo.objected : undefined;
        offerUndo({ ...result.review, verdict: result.review.verdict ?? given.verdict }, id, summary, whatNext(result, card), said);
        if (result.heard) say(result.heard.right ? t.toast.heardRight : t.toast.heardWrong(result.heard.says, result.heard.answer === null ? null : JSON.stringify(result.heard.answer)), result.heard.right === false);
        settle(result);
        onSettled(true);
      }),
    [guarded, take, id, card, summary, onSettled],
  );

  const escalate = useCallback(
    (reason: string) =>
      guarded(async () => {
        await escalateCase(id, reason);
        held.current = null;
        setClaim(null);
        dropDraft(id);
        say(t.toast.escalated);
        refresh(id);
        onSettled(true);
      }),
    [guarded, id, onSettled],
  );

  const release = useCallback(
    async (quietly = false) => {
      const left = held.current;
      hold(null);
      if (left) await releaseClaim(left.case_id, left.fence).catch(() => undefined);
      if (left && !quietly) say(t.toast.released);
      refresh(id);
    },
    [hold, id],
  );

  const takeAloud = useCallback(() => take().catch((error: unknown) => explain(error, id, () => hold(null))), [take, id, hold]);
  const letGo = useCallback(() => hold(null), [hold]);
  return { claim, busy, problems, take: takeAloud, answer, escalate, release, letGo };
}

function useHeartbeat(claim: Claim | null, hold: (next: Claim | null) => void): void {
  useEffect(() => {
    if (!claim) return;
    const left = Date.parse(claim.expires_at) - Date.now();
    const timer = setTimeout(
      () => {
        renewClaim(claim.case_id, claim.fence)
          .then((renewed) => hold(renewed.claim))
          .catch((error: unknown) => {
            if (error instanceof ProblemError && error.status === 409) {
              hold(null);
              say(t.toast.claimLost, true);
            }
          });
      },
      Math.max(2_000, left * HEARTBEAT_SHARE),
    );
    return () => clearTimeout(timer);
  }, [claim, hold]);
}

function refresh(id: string): void {
  void queryClient.invalidateQueries({ queryKey: ["cases"] });
  void queryClient.invalidateQueries({ queryKey: ["case", id] });
}

function settle(result: ReviewAnswer): void {
  const { id } = result.case;
  queryClient.setQueryData<CaseDetail>(["case", id], (before) => before && { ...before, case: result.case });
  refresh(id);
}

function explain(error: unknown, id: string, drop: () => void): void {
  if (error instanceof ProblemError) {
    if (error.code === "claim_lost") {
      drop();
      say(t.toast.claimLost, true, error.problem.remedy);
      return refresh(id);
    }
    if (error.code === "already_decided") {
      drop();
      say(t.toast.gone, true, error.message);
      return refresh(id);
    }
    if (error.code === "card_changed") {
      say(t.card.newRevision, true);
      return refresh(id);
    }
  }
  sayProblem(error);
}

function changed() {
  return { type: "about:blank", title: "Card changed", status: 412, detail: t.card.newRevision, code: "card_changed" };
}

/** What was let through before anybody looked: an objection has it taken back, nothing else follows. */
function isObjection(result: ReviewAnswer, card: Card): boolean {
  return result.case.soft && card.kind === "action" && result.review.verdict !== "approve";
}

/** A halt stands over an action: what is approved now waits for it to be lifted. */
export const isHalted = (card: Card): boolean => card.kind === "action" && (card.halts?.length ?? 0) > 0;

function whatNext(result: ReviewAnswer, card: Card): string {
  const { verdict } = result.review;
  if (verdict === "abstain") return t.undo.next.stays;
  if (isObjection(result, card)) return t.undo.next.reversed;
  if (result.case.soft && card.kind === "action") return t.undo.next.stood;
  if (verdict === "redirect") return t.undo.next.relayed;
  if (verdict === "reject" || verdict === "respond") return t.undo.next.told;
  const need = card.quorum.need - card.quorum.have - 1;
  if (need > 0 && !result.decision) return t.undo.next.waits(need);
  if (card.kind !== "action") return t.undo.next.told;
  return isHalted(card) ? t.undo.next.halted : t.undo.next.runs;
}

function fieldProblems(error: unknown): Record<string, string> {
  if (!(error instanceof ProblemError)) return {};
  const { errors, code } = error.problem;
  if (!errors?.length) return code === "invalid_input" ? { "": error.message } : {};
  return Object.fromEntries(errors.map((each) => [each.path, plain(each.message)]));
}
