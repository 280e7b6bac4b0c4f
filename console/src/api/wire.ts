/** What the server sends and takes, by hand from the HTTP contract. `npm run types` writes openapi.ts to compare with. */

export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };
export type JsonObject = { [key: string]: Json };

export type Tier = "auto_approve" | "soft_review" | "hard_gate" | "deny";
export type Verdict = "approve" | "edit" | "reject" | "respond" | "redirect" | "abstain";
export type OnExpiry = "reject" | "escalate" | "hold" | "unsafe_approve";

export interface Problem {
  type: string;
  title: string;
  status: number;
  detail: string;
  code: string;
  remedy?: string;
  errors?: { path: string; message: string }[];
}

export interface Person {
  id: string;
  name: string;
  roles: string[];
  workspace: string;
}

export interface Session {
  person: Person;
  csrf: string;
}

export interface CaseRow {
  id: string;
  action: string;
  tier: Tier;
  queue: string;
  state: "open" | "decided" | "reviewed";
  summary: string;
  deadline: string | null;
  opened_at: string;
  revision: number;
  reviewers: { have: number; need: number };
  claimed_by: string | null;
  high_stakes: boolean;
  amount?: string | null;
  currency?: string | null;
  kind: string;
  decision?: Decision | string | null;
  closed_at?: string | null;
  soft: boolean;
  /** no open work: you have answered it, or what others answered only waits to count (`verdicts` still stop that) */
  answered?: { by_you: boolean; counts_at: string | null; verdicts: Verdict[] } | null;
}

export interface Page<T> {
  items: T[];
  next: string | null;
  total: number;
}

export interface Decision {
  case_id: string;
  kind: "approved" | "rejected" | "responded" | "redirected" | "expired" | "cancelled";
  by: string[];
  at: string;
  reason?: string | null;
  note?: string | null;
  edited?: boolean;
  arguments?: Json;
  value?: Json;
  instruction?: string | null;
}

export type EvidenceKind = "text" | "diff" | "image" | "table" | "tests" | "plan" | "json";

export interface Evidence {
  kind: EvidenceKind;
  title: string;
  content: Json;
  source?: string | null;
  trusted: boolean;
}

export interface Reason {
  code: string;
  text: string;
  tier: Tier | null;
}

export interface Card {
  renderer: string;
  digest: string;
  case_id: string;
  revision: number;
  action: string;
  kind: string;
  target: Json;
  arguments: Json;
  schema: JsonObject | null;
  answer_schema?: JsonObject | null;
  action_digest: string;
  base: Json;
  inspectable: boolean;
  asked_by: { principal: string | null; agent: string | null; run: string | null; owners: string[] };
  tier: Tier;
  reasons: Reason[];
  confidence: { value: number; band: string; calibrator: string | null; fitted_at: string | null } | null;
  undo: { action: string | null; seconds: number };
  reach: Json;
  amount: { value: string; currency: string | null } | null;
  evidence: Evidence[];
  policy: { name: string; digest: string };
  deadline: string | null;
  on_expiry: OnExpiry;
  waiting: boolean;
  verdicts: Verdict[];
  quorum: { have: number; need: number; roles: string[]; excluded: string[] };
  harm_classes: string[];
  personal_data: string[];
  agent_says: string | null;
  high_stakes: boolean;
  blind: boolean;
  reason_codes: { code: string; label: string }[];
  choices: Json[] | null;
  dwell_floor_seconds: number;
  shape: string;
  /** for what this person's approval may stand; absent: this action only */
  scopes?: Scope[];
  /** what stands for this action in this run already */
  grants?: Grant[];
  /** halts that stand over it: while they do, an approval lets nothing run */
  halts?: Halt[];
}

export type Scope = "action" | "run";

export interface Grant {
  id: string;
  by: string;
  expires: string;
  reason: string;
  run?: string;
  amount?: string;
  currency?: string;
  uses_left?: number;
}

export interface Review {
  id: string;
  case_id?: string;
  reviewer?: string;
  reviewer_id?: string;
  verdict: Verdict;
  revision?: number;
  reason?: string | null;
  note?: string | null;
  instruction?: string | null;
  value?: Json;
  arguments?: Json;
  given_at?: string;
  effective_at: string;
  withdrawn_at?: string | null;
  voided_at?: string | null;
}

export interface Claim {
  case_id: string;
  fence: number;
  expires_at: string;
  reviewer?: string;
  reviewer_id?: string;
}

export interface HistoryEntry {
  idx: number;
  type: string;
  at: string;
  actor: Json;
  entry: Json;
}

export interface Execution {
  case_id: string;
  state: string;
  action?: string;
  arguments?: Json;
  fence?: number;
  started_at?: string;
  expires_at?: string;
  idempotency_key?: string;
}

/** A step that a person does himself. */
export interface TakenOver {
  case_id: string;
  /** `claim`: it waits for a decision; `execution`: it is approved, and this is its single use */
  held: "claim" | "execution";
  fence: number;
  expires_at: string;
  action: string;
  arguments: Json;
}

export interface CaseDetail {
  case: CaseRow;
  card: Card;
  reviews: Review[];
  claim: Claim | null;
  history: HistoryEntry[];
  execution?: Execution | null;
  /** who carries out, or carried out, the approved step in the program's stead */
  by_hand?: { person: string; name: string } | null;
}

export interface Taken {
  claim: Claim;
  case: CaseRow;
  card: Card;
}

export interface ReviewBody {
  verdict: Verdict;
  fence: number;
  revision: number;
  card: string;
  arguments?: Json;
  value?: Json;
  instruction?: string;
  reason?: string;
  note?: string;
  dwell_seconds?: number;
  evidence_opened?: number[];
  blind?: boolean;
  scope?: Scope;
}

export interface ReviewAnswer {
  review: Review;
  case: CaseRow;
  decision?: Decision | null;
  /** one of the golds that open a session: whether the answer was right, and what was */
  heard?: { right: boolean | null; says: "approve" | "reject" | null; answer: Json } | null;
}

export interface BatchBody {
  verdict: "approve" | "reject";
  reason?: string;
  note?: string;
  items: { case_id: string; fence?: number; revision: number; card: string }[];
}

export interface BatchAnswer {
  items: { case_id: string; ok: boolean; error?: Partial<Problem> | string | null; review?: Review }[];
}

export interface Similar {
  case_id: string;
  summary: string;
  decision: Decision | string | null;
  at: string;
  score: number;
}

export interface Proof {
  entries: { idx: number; type: string; at: string; entry: Json; inclusion: string[] }[];
  checkpoint: string | null;
  tlog_proof: string | null;
  verified: boolean;
}

export interface Halt {
  id: string;
  scope: "agent" | "action" | "run" | "workspace";
  value: string | null;
  reason: string;
  by?: string;
  at?: string;
}

/** Names that a halt could be over: those there are, and those near to one that nobody has. */
export interface HaltNames {
  known: boolean;
  near: string[];
  names: string[];
}

export interface QueueDepth {
  queue: string;
  open: number;
  oldest_seconds?: number | null;
  overdue?: number;
}

export interface Operations {
  open: number;
  oldest_seconds: number | null;
  by_tier: Record<string, number>;
  by_queue: QueueDepth[];
  overdue: number;
  review_rate: number | null;
  review_rate_target: number;
  review_rate_alarm: number;
  decisions_per_person: { person: string; name: string; count: number; median_dwell: number | null }[];
  deadline_attainment: number | null;
  series: { at: string; arrivals: number; decided: number; review_rate: number | null }[];
  unknown_executions: number;
  log: { size: number; unsigned_seconds: number | null };
  chart: { round: number; review_rate: number; model_error: number | null }[];
}

/** A kind of proposals that earns autonomy by itself: `n` cases count of `needed`. */
export interface EarnedCell {
  id: string;
  action: string;
  cell: string;
  n: number;
  needed: number;
  misses: number;
  unchecked: number;
  bound: number;
  state: "gathering" | "proposed" | "accepted" | "off";
}

export interface Promotion {
  id: string;
  action: string;
  cell: string;
  state: "proposed" | "accepted" | "declined" | "ended";
  tier: string;
  words: string;
  note: string | null;
  back_test: { passed: number; of: number; wrong: number };
  saving: { days: number; asks_avoided: number; misses_at_most: number; money?: number; currency?: string | null };
  proposed_by: string;
  expires: string | null;
}

/** A share with its interval; `value` is null while n is below what is needed. */
export interface Share {
  n: number;
  need: number;
  value: number | null;
  low?: number;
  high?: number;
}

export interface Coefficient {
  value: number | null;
  low: number | null;
  high: number | null;
}

export interface AgreementOf {
  action: string;
  cases: number;
  need: number;
  threshold: number;
  state: "not_enough" | "undefined" | "met" | "below";
  raw: Coefficient;
  alpha: Coefficient;
  ac1: Coefficient;
}

export interface Reviewer {
  person: string;
  name: string;
  answers: number;
  approved: Share;
  median_dwell: number | null;
  scorecard: {
    golds: number;
    need: number;
    shown: boolean;
    accuracy: Share;
    model_right: Share;
    model_wrong: Share;
    test: { standing: "open" | "flagged" | "clear"; flags: number };
  };
  flags: { code: string; n: number; since: string }[];
  alarms: { code: string; text: string }[];
  anomalies: { kind: string; with: string[]; n: number; text: string; hint: boolean }[];
}

/** A reviewer gets his own row alone, and `own`. */
export interface Reviewers {
  days: number;
  answers: number;
  own?: boolean;
  reviewers: Reviewer[];
  agreement?: AgreementOf[];
  anchoring?: { n: number; need: number; value: number | null; low?: number; high?: number };
  fatigue?: { b: number | null; low?: number; high?: number; have?: number; need?: number; stands?: boolean };
  consensus?: { cases: number; need: number; way: string | null; differs?: number; warning?: string | null };
  rules?: { subject: string; text: string }[];
  golds?: { pool: number; share: number; drawn: number };
}

export interface Monitor {
  id: string;
  /** nothing: the whole workspace */
  action: string;
  kind: "error" | "weighted_error" | "overconfidence" | "underconfidence" | "share_above" | "share_below" | "scores";
  n: number;
  log_e: number;
  line: number;
  standing: "watching" | "not_enough_evidence" | "alarm" | "lifted" | "ended";
  enough_at: number;
  evidence: string | null;
  text: string | null;
  raises_to: Tier | null;
  /** points of (n, log E) */
  curve: [number, number][];
  alarmed_at: string | null;
}

export interface Monitors {
  items: Monitor[];
  estimates: { action: string; let_through: number; checks: number; error: number | null; low?: number; high?: number; evidence: string | null }[];
  /** spot checks without an answer, oldest first, and how many answered ones wait behind them */
  waiting: { action: string; checks: number; held_up: number; first: { case_id: string; drawn_at: string; deadline: string | null }[] }[];
  stale: { action: string; text: string }[];
  overflow: { since: string; open: number; soft_review: string; hard_gate: string; displaced: number; shadow_cost: number | null; currency: string | null } | null;
  /** what a review counts while people are few; null where the policy declares no capacity */
  capacity: { reviews_per_day: number; most_times: number; factor: number; asked: number; hours: number; at_most: boolean; agents: { agent: string | null; factor: number; asked: number; at_most: boolean }[]; prices: { action: string; review: number; counts: number; currency: string | null }[] } | null;
  lag_seconds: number;
}

export interface CalibratorRow {
  name: string;
  version: number;
  made_at: string;
  calibrator: JsonObject;
}

/** A bin of the reliability diagram: mean confidence, share right, its interval. */
export interface ReliabilityBin {
  n: number;
  confidence: number;
  accuracy: number;
  low: number;
  high: number;
}

/** Figures of a calibrator on one set of labels; without bins there are too few. */
export interface Quality {
  n: number;
  need?: number | null;
  log_loss?: number;
  calibration_error?: number;
  bins?: ReliabilityBin[];
}

export interface Reliability {
  name: string;
  version: number;
  method: string;
  action: string | null;
  model: string | null;
  n: number;
  /** how many of the labels come from other actions */
  borrowed: number;
  fitted_at: string;
  stale: string[];
  before: Quality | null;
  after: Quality | null;
  since: Quality | null;
}

export interface SupervisorShare {
  have: number;
  need: number;
  value?: number;
  low?: number;
  high?: number;
}

export interface SupervisorFigures {
  model: string;
  right: { fine: number; concern: number };
  wrong: { fine: number; concern: number };
  unread: number;
  catches: SupervisorShare;
  false_alarms: SupervisorShare;
}

/** How the answers of an action are weighed with the model's. */
export interface FusionRow {
  action: string;
  version: number;
  made_at: string;
  fusion: { classes: string[]; pool: number[][]; people: Record<string, number[][]>; weights: [number, number, number][]; answers: number; n: number };
}

export interface Policy {
  name: string;
  digest: string;
  text: string;
  document: Json;
}

export interface LiveEvent {
  id: string | null;
  type: string;
  case_id: string | null;
}
