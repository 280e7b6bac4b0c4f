/** The rows chosen for a batch. A changed filter clears it. */
import { useSyncExternalStore } from "react";

const listeners = new Set<() => void>();
let chosen: readonly string[] = [];

function set(next: readonly string[]): void {
  chosen = next;
  for (const listener of listeners) listener();
}

export const toggleSelected = (id: string): void => set(chosen.includes(id) ? chosen.filter((each) => each !== id) : [...chosen, id]);
export const clearSelection = (): void => set([]);

export const useSelection = (): readonly string[] =>
  useSyncExternalStore(
    (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    () => chosen,
  );
