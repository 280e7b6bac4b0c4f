/** The address bar is the only filter state. Paths: /, /case/<id>, /batch, /operations, /quality, /halts. */
import { useSyncExternalStore } from "react";
import type { Filter } from "../api/queries";

export type Page = "queue" | "batch" | "operations" | "quality" | "halts";

export interface Route {
  page: Page;
  caseId: string | null;
  filter: Filter;
}

const PAGES: Record<string, Page> = { batch: "batch", operations: "operations", quality: "quality", halts: "halts" };

export function parseRoute(path: string, query: string): Route {
  const [first = "", second] = path.split("/").filter(Boolean);
  const search = new URLSearchParams(query);
  const text = (name: string) => search.get(name) ?? "";
  return {
    page: PAGES[first] ?? "queue",
    caseId: first === "case" && second ? decoded(second) : null,
    filter: {
      state: text("state") === "decided" ? "decided" : "open",
      queue: text("queue"),
      tier: text("tier"),
      action: text("action"),
      q: text("q"),
      mine: text("mine") === "true",
    },
  };
}

/** What is no percent-encoding stays as it is: no case has that id, and the card says so. */
function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

export function formatRoute(route: Route): string {
  const query = new URLSearchParams();
  const { filter } = route;
  if (filter.state === "decided") query.set("state", "decided");
  for (const name of ["queue", "tier", "action", "q"] as const) if (filter[name]) query.set(name, filter[name]);
  if (filter.mine) query.set("mine", "true");
  const path = route.page === "queue" ? (route.caseId ? `/case/${encodeURIComponent(route.caseId)}` : "/") : `/${route.page}`;
  const text = query.toString();
  return text ? `${path}?${text}` : path;
}

const listeners = new Set<() => void>();
let current = parseRoute(location.pathname, location.search);

function settle(): void {
  current = parseRoute(location.pathname, location.search);
  for (const listener of listeners) listener();
}

addEventListener("popstate", settle);

/** Change parts of the route. `replace` keeps the back button meaningful while moving through the list. */
export function go(change: Partial<Route>, replace = false): void {
  const address = formatRoute({ ...current, ...change });
  if (address === location.pathname + location.search) return;
  if (replace) history.replaceState(null, "", address);
  else history.pushState(null, "", address);
  settle();
}

export const readRoute = (): Route => current;

export function useRoute(): Route {
  return useSyncExternalStore(
    (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    () => current,
  );
}
