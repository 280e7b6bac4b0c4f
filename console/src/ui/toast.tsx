/** Short news, read aloud politely, that never takes focus. */
import { useSyncExternalStore } from "react";
import { ProblemError } from "../api/http";
import { Revealed } from "../marks/revealed";
import { t } from "../words";

interface Toast {
  id: number;
  text: string;
  remedy: string;
  bad: boolean;
}

const LINGER = 6_000;
const LINGER_BAD = 12_000;
const listeners = new Set<() => void>();
let toasts: Toast[] = [];
let counter = 0;

function set(next: Toast[]): void {
  toasts = next;
  for (const listener of listeners) listener();
}

export function say(text: string, bad = false, remedy = ""): void {
  counter += 1;
  const id = counter;
  set([...toasts.filter((toast) => toast.text !== text).slice(-2), { id, text, remedy, bad }]);
  setTimeout(() => set(toasts.filter((toast) => toast.id !== id)), bad ? LINGER_BAD : LINGER);
}

export function sayProblem(error: unknown): void {
  if (error instanceof ProblemError) say(error.message, true, error.problem.remedy ?? "");
  else say(String(error), true);
}

export function Toasts() {
  const shown = useSyncExternalStore(
    (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    () => toasts,
  );
  return (
    <div className="toasts" role="status" aria-live="polite">
      {shown.map((toast) => (
        <div key={toast.id} className={toast.bad ? "toast bad" : "toast"}>
          <div>
            <Revealed text={toast.text} />
            {toast.remedy && <span className="toast-remedy">{toast.remedy}</span>}
          </div>
          <button type="button" className="ghost small" aria-label={t.toast.dismiss} onClick={() => set(toasts.filter((each) => each.id !== toast.id))}>
            ×
          </button>
        </div>
      ))}
    </div>
  );
}
