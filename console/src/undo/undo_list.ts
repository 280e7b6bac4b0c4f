/** Reviews that can still be taken back. The window is the server's; this only counts it down. */
import { useSyncExternalStore } from "react";
import { ProblemError } from "../api/http";
import { caseQuery, queryClient, withdrawReview } from "../api/queries";
import type { CaseRow, Review } from "../api/wire";
import { go } from "../route/route";
import { say, sayProblem } from "../ui/toast";
import { t } from "../words";

export interface Undoable {
  review: string;
  caseId: string;
  said: string;
  summary: string;
  next: string;
  /** milliseconds of this browser's clock */
  until: number;
}

/** What this tab has answered, by case: the revision it was about. Known before the server's next list says so. */
const answered = new Map<string, number>();

/** No open work: the queue moves past it. */
export const isAnswered = (row: Pick<CaseRow, "id" | "revision" | "answered">): boolean => Boolean(row.answered) || (answered.get(row.id) ?? 0) >= row.revision;

export function noteAnswered(caseId: string, revision: number): void {
  answered.set(caseId, revision);
}

const listeners = new Set<() => void>();
let list: Undoable[] = [];

function set(next: Undoable[]): void {
  list = next;
  for (const listener of listeners) listener();
}

/** Length of the server's window in milliseconds, free of any difference between the two clocks. */
export function windowOf(review: Review): number {
  const from = review.given_at ? Date.parse(review.given_at) : Date.now();
  return Math.max(0, Date.parse(review.effective_at) - from);
}

export function offerUndo(review: Review, caseId: string, summary: string, next: string, said = t.undo.said[review.verdict]): void {
  const length = windowOf(review);
  if (length === 0) {
    say(`${said} · ${summary}: ${next}.`);
    return;
  }
  const entry: Undoable = { review: review.id, caseId, said, summary, next, until: Date.now() + length };
  set([...list, entry]);
  setTimeout(() => {
    set(list.filter((each) => each !== entry));
    void queryClient.invalidateQueries({ queryKey: ["case", caseId] });
  }, length);
}

/** Take back one review, or the newest of this tab. */
export async function takeBack(known?: { review: string; caseId: string }): Promise<void> {
  const entry = known ?? list.at(-1);
  if (!entry) {
    say(t.toast.nothingToUndo);
    return;
  }
  set(list.filter((each) => each.review !== entry.review));
  try {
    await withdrawReview(entry.review);
    answered.delete(entry.caseId);
    say(t.undo.taken);
    go({ page: "queue", caseId: entry.caseId });
  } catch (error) {
    if (error instanceof ProblemError && error.status === 409) say(t.undo.late, true, error.problem.remedy);
    else sayProblem(error);
  }
  void queryClient.invalidateQueries({ queryKey: ["case", entry.caseId] });
  void queryClient.invalidateQueries({ queryKey: ["cases"] });
}

/** An answer was withdrawn, perhaps in another tab: the server says whether this tab's still stands. */
export async function heedWithdrawal(caseId: string): Promise<void> {
  if (!answered.has(caseId)) return;
  const { case: row, reviews } = await queryClient.fetchQuery({ ...caseQuery(caseId), staleTime: 0 });
  if (!row.answered) answered.delete(caseId);
  const gone = reviews.filter((each) => each.withdrawn_at).map((each) => each.id);
  set(list.filter((each) => !gone.includes(each.review)));
}

export const useUndoList = (): Undoable[] =>
  useSyncExternalStore(
    (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    () => list,
  );
