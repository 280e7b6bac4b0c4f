/** Test results: failures first, passes folded into a count. */
import type { Json } from "../api/wire";
import { compact, isObject } from "../marks/json";
import { LongText } from "../marks/long_text";
import { Revealed } from "../marks/revealed";
import { t } from "../words";

interface Result {
  name: string;
  status: "passed" | "failed" | "skipped";
  message: string;
}

/** Reads [{name, status, message}] or {passed, failed, skipped, cases}; null when it is neither. */
export function readTests(content: Json): { results: Result[]; counts: Record<Result["status"], number> } | null {
  const list = Array.isArray(content) ? content : isObject(content) ? (content.cases ?? content.tests ?? content.results ?? []) : null;
  if (!Array.isArray(list)) return null;
  const results = list.filter(isObject).map((item): Result => {
    const word = String(item.status ?? item.outcome ?? (item.passed === true ? "passed" : item.passed === false ? "failed" : "skipped"));
    const status = /^(pass|ok|success)/.test(word) ? "passed" : /^(fail|error)/.test(word) ? "failed" : "skipped";
    return { name: compact(item.name ?? item.id ?? ""), status, message: item.message ? compact(item.message) : "" };
  });
  const told = (status: Result["status"]) => {
    const said = isObject(content) ? content[status] : undefined;
    return typeof said === "number" ? said : results.filter((result) => result.status === status).length;
  };
  const counts = { passed: told("passed"), failed: told("failed"), skipped: told("skipped") };
  return results.length || counts.passed + counts.failed + counts.skipped > 0 ? { results, counts } : null;
}

const ORDER = { failed: 0, skipped: 1, passed: 2 };
const MARK = { passed: "✓", failed: "✕", skipped: "–" };

export function TestResults({ content }: { content: Json }) {
  const read = readTests(content);
  if (!read) return null;
  const sorted = [...read.results].sort((a, b) => ORDER[a.status] - ORDER[b.status]);
  return (
    <div className="tests">
      <p className="test-counts">
        {(["failed", "passed", "skipped"] as const).filter((status) => read.counts[status] > 0).map((status) => (
          <span key={status} className={`count ${status}`}>
            {MARK[status]} {read.counts[status]} {t.context[status]}
          </span>
        ))}
      </p>
      <ul>
        {sorted.map((result, i) => (
          <li key={i} className={result.status}>
            <span className="mark" aria-label={t.context[result.status]}>{MARK[result.status]}</span>
            <div>
              <code><Revealed text={result.name} /></code>
              {result.message && <LongText text={result.message} mono />}
            </div>
          </li>
        ))}
      </ul>
    </div>
  );
}
