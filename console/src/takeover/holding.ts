/** The step a person does himself: who holds it, and the ways to take it, hand it back, or give it back undone. */
import { useState } from "react";
import { ProblemError } from "../api/http";
import { giveBack, handBack, queryClient, takeOver } from "../api/queries";
import type { CaseDetail, Json } from "../api/wire";
import { decisionOf } from "../card/settled";
import { clockTime } from "../marks/time";
import { usePerson } from "../session/session";
import { say, sayProblem } from "../ui/toast";
import { t } from "../words";

export interface Holding {
  held: "claim" | "execution";
  fence: number;
  expires_at: string;
}

export interface TakeOver {
  /** what this person holds, or null */
  mine: Holding | null;
  /** somebody may take it now, as far as this page knows; the server has the last word */
  free: boolean;
  /** it is approved: taking it over is its single use */
  approved: boolean;
  busy: boolean;
  take: (seconds: number) => Promise<boolean>;
  hand: (value: Json, note: string) => Promise<boolean>;
  give: () => Promise<boolean>;
}

const w = t.takeOver;
const STORE = "handrail.taken";

export function useTakeOver(detail: CaseDetail): TakeOver {
  const person = usePerson();
  const [busy, setBusy] = useState(false);
  const { id } = detail.case;
  const mine = holdingOf(detail, person.id);
  const work = async (doing: () => Promise<string>): Promise<boolean> => {
    setBusy(true);
    try {
      say(await doing());
      return true;
    } catch (error) {
      // the hold is over: what the page shows of it is out of date
      if (error instanceof ProblemError && error.code === "claim_lost") forget(id);
      sayProblem(error);
      return false;
    } finally {
      await queryClient.invalidateQueries({ queryKey: ["case", id] });
      void queryClient.invalidateQueries({ queryKey: ["cases"] });
      setBusy(false);
    }
  };
  return {
    mine,
    free: mine === null && isFree(detail, person.id),
    approved: decisionOf(detail.case.decision)?.kind === "approved",
    busy,
    take: (seconds) =>
      work(async () => {
        const made = await takeOver(id, seconds);
        if (made.held === "claim") remember(id, made.fence);
        return mine ? w.held(clockTime(made.expires_at)) : w.taken;
      }),
    hand: (value, note) =>
      work(async () => {
        if (mine) await handBack(id, { fence: mine.fence, value, ...(note ? { note } : {}) });
        forget(id);
        return w.handed;
      }),
    give: () =>
      work(async () => {
        if (mine) await giveBack(id, mine.fence);
        forget(id);
        return w.given;
      }),
  };
}

/** Pure but for what this browser remembers: a claim that is a take-over looks to the server like any other claim. */
export function holdingOf({ case: row, claim, execution, by_hand: hand }: CaseDetail, person: string): Holding | null {
  if (execution?.state === "started" && hand?.person === person) {
    return { held: "execution", fence: execution.fence ?? 0, expires_at: execution.expires_at ?? "" };
  }
  if (row.state !== "open" || claim?.reviewer_id !== person || remembered()[row.id] !== claim.fence) return null;
  return { held: "claim", fence: claim.fence, expires_at: claim.expires_at };
}

function isFree({ card, case: row, claim, execution }: CaseDetail, person: string): boolean {
  if (card.kind !== "action" || execution || (claim && claim.reviewer_id !== undefined && claim.reviewer_id !== person)) return false;
  const decided = decisionOf(row.decision)?.kind;
  return decided === undefined ? row.state === "open" && card.verdicts.includes("respond") : decided === "approved";
}

function remembered(): Record<string, number> {
  try {
    return JSON.parse(localStorage.getItem(STORE) ?? "{}") as Record<string, number>;
  } catch {
    return {};
  }
}

function remember(id: string, fence: number): void {
  localStorage.setItem(STORE, JSON.stringify({ ...remembered(), [id]: fence }));
}

function forget(id: string): void {
  const { [id]: _, ...rest } = remembered();
  localStorage.setItem(STORE, JSON.stringify(rest));
}
