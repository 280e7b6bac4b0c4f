/** The three states every view has besides its content: loading, empty, failed. */
import type { ReactNode } from "react";
import { ProblemError } from "../api/http";
import { t } from "../words";

export function Empty({ title, text, children }: { title: string; text?: string; children?: ReactNode }) {
  return (
    <div className="state">
      <p className="state-title">{title}</p>
      {text && <p>{text}</p>}
      {children}
    </div>
  );
}

export function Loading({ text = t.common.loading }: { text?: string }) {
  return (
    <div className="state loading" role="status">
      <span className="shimmer" />
      <span className="shimmer" />
      <span className="shimmer" />
      <span className="off-screen">{text}</span>
    </div>
  );
}

export function Failed({ title, error, retry }: { title: string; error: unknown; retry?: () => void }) {
  const remedy = error instanceof ProblemError ? error.problem.remedy : "";
  return (
    <div className="state failed" role="alert">
      <p className="state-title">{title}</p>
      <p>{error instanceof Error ? error.message : String(error)}</p>
      {remedy && <p className="quiet">{remedy}</p>}
      {retry && (
        <button type="button" onClick={retry}>
          {t.common.retry}
        </button>
      )}
    </div>
  );
}
