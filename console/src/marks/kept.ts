/** What a reviewer has looked at, kept while the tab lives: how far a value was read, which personal ones are shown. */
import { useSyncExternalStore } from "react";

const kept = new Map<string, unknown>();
const listeners = new Set<() => void>();

const tell = () => {
  for (const listener of listeners) listener();
};

const subscribe = (listener: () => void) => {
  listeners.add(listener);
  return () => listeners.delete(listener);
};

export function keep(key: string, value: unknown): void {
  kept.set(key, value);
  tell();
}

/** Another person may sit down at this tab. */
export function forgetKept(): void {
  kept.clear();
  tell();
}

/** The value kept under a key, or `usual` (the same object each time) when there is none. */
export const useKept = <T>(key: string, usual: T): T => useSyncExternalStore(subscribe, () => (kept.has(key) ? (kept.get(key) as T) : usual));
