/** Which key does what: the defaults, what the person changed, and whether letter keys are on at all. */
import { useSyncExternalStore } from "react";

export type Group = "move" | "verdict" | "view" | "go";

export interface Binding {
  id: Command;
  key: string;
  name: string;
  group: Group;
}

export type Command = (typeof DEFAULTS)[number]["id"];

const DEFAULTS = [
  { id: "down", key: "j", name: "Next case", group: "move" },
  { id: "up", key: "k", name: "Previous case", group: "move" },
  { id: "open", key: "Enter", name: "Open and claim", group: "move" },
  { id: "select", key: "x", name: "Select for a batch", group: "move" },
  { id: "search", key: "/", name: "Search", group: "move" },
  { id: "back", key: "Escape", name: "Back", group: "move" },
  { id: "approve", key: "a", name: "Approve (arms when high stakes)", group: "verdict" },
  { id: "commit", key: "Shift+Enter", name: "Commit what is armed", group: "verdict" },
  { id: "edit", key: "e", name: "Edit", group: "verdict" },
  { id: "reject", key: "r", name: "Reject, then 1–9", group: "verdict" },
  { id: "respond", key: "p", name: "Respond", group: "verdict" },
  { id: "redirect", key: "q", name: "Redirect", group: "verdict" },
  { id: "abstain", key: "z", name: "Abstain", group: "verdict" },
  { id: "escalate", key: "s", name: "Send up (escalate)", group: "verdict" },
  { id: "release", key: "w", name: "Release the claim", group: "verdict" },
  { id: "take_over", key: "t", name: "Take the step over", group: "verdict" },
  { id: "later", key: "f", name: "Follow up later", group: "verdict" },
  { id: "undo", key: "u", name: "Take back", group: "verdict" },
  { id: "blur", key: "b", name: "Blur on and off", group: "view" },
  { id: "diff", key: "d", name: "Diff mode", group: "view" },
  { id: "earlier", key: "[", name: "Earlier evidence", group: "view" },
  { id: "later_evidence", key: "]", name: "Later evidence", group: "view" },
  { id: "palette", key: "Ctrl+k", name: "Commands", group: "go" },
  { id: "help", key: "?", name: "Keys", group: "go" },
  { id: "go_queue", key: "g i", name: "Go to the queue", group: "go" },
  { id: "go_decided", key: "g q", name: "Go to decided cases", group: "go" },
  { id: "go_operations", key: "g m", name: "Go to operations", group: "go" },
  { id: "go_quality", key: "g r", name: "Go to quality", group: "go" },
  { id: "go_halts", key: "g h", name: "Go to halts", group: "go" },
] as const satisfies readonly { id: string; key: string; name: string; group: Group }[];

interface Saved {
  off: boolean;
  keys: Partial<Record<Command, string>>;
}

const STORE = "handrail.keys";
const listeners = new Set<() => void>();
let saved: Saved = read();
let table: Binding[] = build();

function read(): Saved {
  try {
    const value = JSON.parse(localStorage.getItem(STORE) ?? "{}") as Partial<Saved>;
    return { off: value.off === true, keys: value.keys ?? {} };
  } catch {
    return { off: false, keys: {} };
  }
}

function build(): Binding[] {
  return DEFAULTS.map((entry) => ({ ...entry, key: saved.keys[entry.id] ?? entry.key }));
}

function change(next: Saved): void {
  saved = next;
  table = build();
  localStorage.setItem(STORE, JSON.stringify(saved));
  for (const listener of listeners) listener();
}

export const bindings = (): Binding[] => table;
export const lettersOff = (): boolean => saved.off;
export const setLettersOff = (off: boolean): void => change({ ...saved, off });
export const rebind = (id: Command, key: string): void => change({ ...saved, keys: { ...saved.keys, [id]: key } });
export const resetKeys = (): void => change({ off: saved.off, keys: {} });
export const keyOf = (id: Command): string => table.find((entry) => entry.id === id)?.key ?? "";

const subscribe = (listener: () => void) => {
  listeners.add(listener);
  return () => listeners.delete(listener);
};

export const useBindings = (): Binding[] => useSyncExternalStore(subscribe, bindings);
export const useLettersOff = (): boolean => useSyncExternalStore(subscribe, lettersOff);
