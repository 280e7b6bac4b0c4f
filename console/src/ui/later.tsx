/** Parts that the first card does not need: fetched once it is on screen, so that they are there when asked for. */
import { Component, lazy, Suspense, type ComponentType, type ReactNode } from "react";
import { t } from "../words";
import { Failed } from "./state";

type Load = () => Promise<unknown>;

const waiting: Load[] = [];
const PAUSE = 300;

/** A component from its own file. `pick` finds it there. `soon` parts are fetched ahead by `fetchAhead`. */
export function later<M, P extends object>(load: () => Promise<M>, pick: (module: M) => ComponentType<P>, soon = true): ComponentType<P> {
  if (soon) waiting.push(load);
  return lazy(() => load().then((module) => ({ default: pick(module) })));
}

/** Call when a card is on screen. What fails now is asked for again, and said, when it is opened. */
export function fetchAhead(): void {
  const parts = waiting.splice(0);
  if (parts.length > 0) setTimeout(() => void Promise.allSettled(parts.map((load) => load())), PAUSE);
}

/** Where such a part stands. A part that cannot be fetched (the server was updated, say) takes nothing else with it. */
export function Later({ children, fallback = null }: { children: ReactNode; fallback?: ReactNode }) {
  return (
    <Fetched>
      <Suspense fallback={fallback}>{children}</Suspense>
    </Fetched>
  );
}

class Fetched extends Component<{ children: ReactNode }, { error: unknown }> {
  override state = { error: undefined as unknown };

  static getDerivedStateFromError = (error: unknown) => ({ error });

  override render() {
    if (this.state.error === undefined) return this.props.children;
    return <Failed title={t.common.partFailed} error={this.state.error} retry={() => location.reload()} />;
  }
}
