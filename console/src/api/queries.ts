/** Every question the console asks, with its cache key, and every change it makes. */
import { QueryClient, useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { ProblemError, request } from "./http";
import type {
  BatchAnswer, BatchBody, CalibratorRow, CaseDetail, CaseRow, Claim, EarnedCell, Execution, FusionRow, Halt, HaltNames, Json, Monitors, Operations, Page, Policy, Promotion, Proof, Reliability,
  ReviewAnswer, Reviewers, ReviewBody, Session, Similar, SupervisorFigures, Taken, TakenOver, Review,
} from "./wire";

export interface Filter {
  state: "open" | "decided";
  queue: string;
  tier: string;
  action: string;
  q: string;
  mine: boolean;
}

export const queryClient = new QueryClient({
  defaultOptions: {
    queries: {
      staleTime: 5_000,
      refetchOnWindowFocus: true,
      retry: (count, error) => count < 2 && error instanceof ProblemError && (error.status === 0 || error.status >= 500),
    },
  },
});

const PAGE = 100;
/** Without live events a poll is enough. */
const POLL = 20_000;

export function useCases(filter: Filter) {
  return useInfiniteQuery({
    queryKey: ["cases", filter],
    queryFn: ({ pageParam, signal }) => request<Page<CaseRow>>("GET", `/v1/cases?${search(filter, pageParam)}`, undefined, signal),
    initialPageParam: "",
    getNextPageParam: (page) => page.next ?? undefined,
    placeholderData: (previous) => previous,
    refetchInterval: POLL,
  });
}

function search(filter: Filter, cursor: string): string {
  const query = new URLSearchParams({ state: filter.state, limit: String(PAGE) });
  for (const name of ["queue", "tier", "action", "q"] as const) if (filter[name]) query.set(name, filter[name]);
  if (filter.mine) query.set("mine", "true");
  if (cursor) query.set("cursor", cursor);
  return query.toString();
}

export const caseQuery = (id: string) => ({
  queryKey: ["case", id],
  queryFn: ({ signal }: { signal: AbortSignal }) => request<CaseDetail>("GET", `/v1/cases/${encodeURIComponent(id)}`, undefined, signal),
});

export const useCase = (id: string | null) => useQuery({ ...caseQuery(id ?? ""), enabled: id !== null });

export const useSimilar = (id: string, enabled: boolean) =>
  useQuery({
    queryKey: ["similar", id],
    queryFn: () => request<{ items: Similar[] }>("GET", `/v1/cases/${encodeURIComponent(id)}/similar`),
    enabled,
    staleTime: 60_000,
  });

export const useProof = (id: string, enabled: boolean) =>
  useQuery({ queryKey: ["proof", id], queryFn: () => request<Proof>("GET", `/v1/cases/${encodeURIComponent(id)}/proof`), enabled });

export const usePolicy = (enabled: boolean) =>
  useQuery({ queryKey: ["policy"], queryFn: () => request<Policy>("GET", "/v1/policy"), enabled, staleTime: 60_000 });

export const useOperations = () =>
  useQuery({ queryKey: ["operations"], queryFn: () => request<Operations>("GET", "/v1/operations"), refetchInterval: POLL });

export const useReviewers = () =>
  useQuery({ queryKey: ["reviewers"], queryFn: () => request<Reviewers>("GET", "/v1/reviewers"), refetchInterval: POLL });

export const useAutonomy = () =>
  useQuery({ queryKey: ["autonomy"], queryFn: () => request<{ cells: EarnedCell[]; promotions: Promotion[] }>("GET", "/v1/autonomy"), refetchInterval: POLL });

export const acceptPromotion = (id: string) => request<Json>("POST", `/v1/autonomy/promotions/${encodeURIComponent(id)}/accept`, {});
export const declinePromotion = (id: string, reason: string) => request<Json>("POST", `/v1/autonomy/promotions/${encodeURIComponent(id)}/decline`, { reason });

export const useMonitors = () =>
  useQuery({ queryKey: ["monitors"], queryFn: () => request<Monitors>("GET", "/v1/monitors"), refetchInterval: POLL });

export const useCalibrators = () =>
  useQuery({ queryKey: ["calibrators"], queryFn: () => request<{ items: CalibratorRow[] }>("GET", "/v1/calibrators").then(items), staleTime: 60_000 });

export const useReliability = (name: string) =>
  useQuery({ queryKey: ["reliability", name], queryFn: () => request<Reliability>("GET", `/v1/calibrators/${encodeURIComponent(name)}/reliability`), enabled: name !== "", staleTime: 60_000 });

export const useSupervisor = () =>
  useQuery({ queryKey: ["supervisor"], queryFn: () => request<{ models: SupervisorFigures[] }>("GET", "/v1/supervisor"), staleTime: 60_000 });

export const useFusions = () => useQuery({ queryKey: ["fusions"], queryFn: () => request<{ items: FusionRow[] }>("GET", "/v1/fusions").then(items), staleTime: 60_000 });

export const liftAlarm = (id: string, reason: string) => request<Json>("POST", `/v1/monitors/${encodeURIComponent(id)}/lift`, { reason });

export const useHalts = () =>
  useQuery({ queryKey: ["halts"], queryFn: () => request<{ items: Halt[] } | Halt[]>("GET", "/v1/halts").then(items) });

export const useUnknownExecutions = (enabled: boolean) =>
  useQuery({ queryKey: ["executions"], queryFn: () => request<{ items: Execution[] }>("GET", "/v1/executions?state=unknown"), enabled });

export const settleExecution = (id: string, happened: boolean, note: string) =>
  request<Execution>("POST", `/v1/executions/${encodeURIComponent(id)}/settle`, { happened, note });

const items = <T,>(answer: { items: T[] } | T[]): T[] => (Array.isArray(answer) ? answer : answer.items);

export const readSession = () => request<Session>("GET", "/v1/session");
export const signIn = (email: string, password: string) => request<Session>("POST", "/v1/session", { email, password });
export const signOut = () => request<null>("DELETE", "/v1/session");

const of = (id: string, verb: string) => `/v1/cases/${encodeURIComponent(id)}/${verb}`;

export const claimCase = (id: string) => request<Taken>("POST", of(id, "claim"), {});
export const claimNext = (queues: string[]) => request<Taken | null>("POST", "/v1/cases/next/claim", queues.length ? { queues } : {});
export const renewClaim = (id: string, fence: number) => request<{ claim: Claim }>("POST", of(id, "renew"), { fence });
export const releaseClaim = (id: string, fence: number) => request<Json>("POST", of(id, "release"), { fence });
export const giveReview = (id: string, body: ReviewBody) => request<ReviewAnswer>("POST", of(id, "reviews"), body);
export const withdrawReview = (id: string) => request<{ review?: Review }>("POST", `/v1/reviews/${encodeURIComponent(id)}/withdraw`, {});
export const escalateCase = (id: string, reason: string) => request<Json>("POST", of(id, "escalate"), { reason });
export const takeOver = (id: string, seconds: number) => request<TakenOver>("POST", of(id, "take-over"), { seconds });
export const handBack = (id: string, body: { fence: number; value: Json; note?: string }) => request<{ state: string }>("POST", of(id, "hand-back"), body);
export const giveBack = (id: string, fence: number) => request<{ state: string }>("POST", of(id, "give-back"), { fence });
export const undoCase = (id: string, reason: string) =>
  request<{ case_id: string }>("POST", `/v1/proposals/${encodeURIComponent(id)}/undo`, { reason });
export const giveBatch = (body: BatchBody) => request<BatchAnswer>("POST", "/v1/cases/batch", body);
export const setHalt = (body: { scope: string; value?: string; reason: string }) => request<Halt>("POST", "/v1/halts", body);
export const haltNames = (scope: string, value: string) => request<HaltNames>("GET", `/v1/halts/names?${new URLSearchParams({ scope, ...(value ? { value } : {}) }).toString()}`);
export const useHaltNames = (scope: string) => useQuery({ queryKey: ["halts", "names", scope], queryFn: () => haltNames(scope, ""), enabled: scope !== "workspace", staleTime: 60_000 });
export const liftHalt = (id: string) => request<null>("DELETE", `/v1/halts/${encodeURIComponent(id)}`);
