/** What a person has begun to write, by case: kept when a claim is lost, a card changes or the view moves on. */
import type { Json } from "../api/wire";

export interface Draft {
  arguments?: Json;
  value?: Json;
  instruction?: string;
  note?: string;
  reason?: string;
}

const drafts = new Map<string, Draft>();

export const readDraft = (caseId: string): Draft => drafts.get(caseId) ?? {};
export const keepDraft = (caseId: string, change: Draft): void => void drafts.set(caseId, { ...readDraft(caseId), ...change });
export const dropDraft = (caseId: string): void => void drafts.delete(caseId);
