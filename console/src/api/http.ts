/** The one door to the server: same origin, session cookie, CSRF token, problems as errors. */
import { plain } from "../marks/plain";
import type { Problem } from "./wire";

export class ProblemError extends Error {
  constructor(readonly problem: Problem) {
    super(plain(problem.detail || problem.title));
    this.name = "ProblemError";
  }
  get code(): string {
    return this.problem.code;
  }
  get status(): number {
    return this.problem.status;
  }
}

let csrf = "";
let onSignedOut: () => void = () => undefined;

export function setCsrf(token: string): void {
  csrf = token;
}

export function whenSignedOut(callback: () => void): void {
  onSignedOut = callback;
}

/** Send a request and read JSON. `null` for 204. Raises `ProblemError`, also for a server out of reach. */
export async function request<T>(method: string, path: string, body?: unknown, signal?: AbortSignal): Promise<T> {
  const headers: Record<string, string> = { Accept: "application/json" };
  if (body !== undefined) headers["Content-Type"] = "application/json";
  if (method !== "GET") headers["X-CSRF-Token"] = csrf;
  let response: Response;
  try {
    const init: RequestInit = { method, headers, credentials: "same-origin", cache: "no-store" };
    if (body !== undefined) init.body = JSON.stringify(body);
    if (signal) init.signal = signal;
    response = await fetch(path, init);
  } catch (error) {
    if (error instanceof DOMException && error.name === "AbortError") throw error;
    throw new ProblemError(outOfReach());
  }
  if (response.status === 204) return null as T;
  const data: unknown = await response.json().catch(() => null);
  if (response.ok) return data as T;
  const problem = asProblem(response.status, data);
  if (problem.status === 401 && !path.endsWith("/session")) onSignedOut();
  throw new ProblemError(problem);
}

function asProblem(status: number, data: unknown): Problem {
  if (typeof data === "object" && data !== null && "code" in data) return { ...(data as Problem), status };
  return {
    type: "about:blank",
    title: `The server answered ${status}`,
    status,
    detail: `The server answered ${status} without saying why.`,
    code: status === 401 ? "unauthenticated" : "error",
    remedy: "Try again in a moment.",
  };
}

function outOfReach(): Problem {
  return {
    type: "about:blank",
    title: "Server out of reach",
    status: 0,
    detail: "The server cannot be reached. Nothing was recorded.",
    code: "unreachable",
    remedy: "Check the connection; your draft is kept.",
  };
}
