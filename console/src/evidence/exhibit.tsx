/** One piece of evidence, drawn as its kind; as raw content when it is not what it says it is. */
import type { Evidence, Json } from "../api/wire";
import { DiffView } from "../diff/diff_view";
import { UnifiedDiff } from "../diff/unified";
import { compact, isObject, pretty } from "../marks/json";
import { LongText } from "../marks/long_text";
import { Revealed } from "../marks/revealed";
import { t } from "../words";
import { DataTable, readTable } from "./data_table";
import { Picture } from "./picture";
import { Plan, readPlan } from "./plan";
import { TestResults, readTests } from "./test_results";

export function Exhibit({ evidence, caseId, index, blurred }: { evidence: Evidence; caseId: string; index: number; blurred: boolean }) {
  const drawn = draw(evidence, `/v1/cases/${encodeURIComponent(caseId)}/evidence/${index}`);
  return (
    <div className={blurred ? "exhibit blurred" : "exhibit"}>
      <p className="provenance">
        <span className={evidence.trusted ? "tag good" : "tag warn"}>{evidence.trusted ? t.context.trusted : t.context.untrusted}</span>
        {evidence.source && <span className="quiet">{t.context.source} <Revealed text={compact(evidence.source)} /></span>}
      </p>
      {drawn ?? (
        <>
          <p className="quiet">{t.context.unreadable}</p>
          <LongText text={pretty(evidence.content)} mono />
        </>
      )}
    </div>
  );
}

function draw(evidence: Evidence, address: string) {
  const { content, title } = evidence;
  switch (evidence.kind) {
    case "text":
      return <LongText text={pretty(content)} />;
    case "json":
      return <LongText text={JSON.stringify(content, null, 2)} mono />;
    case "diff":
      return drawDiff(content, title);
    case "image":
      // Inline bytes are drawn or refused; anything else is a picture the server keeps.
      return typeof content === "string" && content.startsWith("data:") ? <Picture data={content} label={title} /> : <Picture data="" label={title} fallback={address} />;
    case "table":
      return readTable(content) ? <DataTable content={content} name={title} /> : null;
    case "tests":
      return readTests(content) ? <TestResults content={content} /> : null;
    case "plan":
      return readPlan(content) ? <Plan content={content} /> : null;
    default:
      return null;
  }
}

function drawDiff(content: Json, title: string) {
  if (typeof content === "string") return <UnifiedDiff patch={content} name={title} />;
  if (!isObject(content)) return null;
  if (typeof content.patch === "string") return <UnifiedDiff patch={content.patch} name={title} />;
  const before = content.before ?? content.old;
  const after = content.after ?? content.new;
  return before === undefined || after === undefined ? null : <DiffView before={before} after={after} name={title} />;
}
