/** One answer per case in flight, and none within 300 ms of a new card: a late double click hits nothing. */

export const REARM_MS = 300;

const held = new Set<string>();
let shownAt = 0;
let shown = "";

/** Call when a card comes on screen. */
export function cardShown(digest: string): void {
  if (digest === shown) return;
  shown = digest;
  shownAt = performance.now();
}

export const armed = (): boolean => performance.now() - shownAt >= REARM_MS;

/** Run `work` unless one is already under way for this case. */
export async function latched(caseId: string, work: () => Promise<void>): Promise<void> {
  if (held.has(caseId)) return;
  held.add(caseId);
  try {
    await work();
  } finally {
    held.delete(caseId);
  }
}
