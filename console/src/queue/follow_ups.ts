/** Cases put aside for later, remembered in this browser only. */
import { useSyncExternalStore } from "react";

const STORE = "handrail.follow-ups";
const MOST = 50;
const listeners = new Set<() => void>();
let ids: readonly string[] = read();

function read(): string[] {
  try {
    const value: unknown = JSON.parse(localStorage.getItem(STORE) ?? "[]");
    return Array.isArray(value) ? value.filter((id) => typeof id === "string") : [];
  } catch {
    return [];
  }
}

function set(next: readonly string[]): void {
  ids = next;
  localStorage.setItem(STORE, JSON.stringify(ids));
  for (const listener of listeners) listener();
}

export const followUp = (id: string): void => set([...ids.filter((each) => each !== id), id].slice(-MOST));
export const dropFollowUp = (id: string): void => {
  if (ids.includes(id)) set(ids.filter((each) => each !== id));
};

export const useFollowUps = (): readonly string[] =>
  useSyncExternalStore(
    (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    () => ids,
  );
