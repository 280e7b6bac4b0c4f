/** A plan: numbered steps with what is already done. */
import type { Json } from "../api/wire";
import { compact, isObject } from "../marks/json";
import { Revealed } from "../marks/revealed";

interface Step {
  title: string;
  detail: string;
  status: string;
}

export function readPlan(content: Json): Step[] | null {
  const list = Array.isArray(content) ? content : isObject(content) ? content.steps : null;
  if (!Array.isArray(list) || list.length === 0) return null;
  return list.map((item): Step => {
    if (!isObject(item)) return { title: compact(item), detail: "", status: "" };
    const title = item.title ?? item.step ?? item.name ?? item.action ?? item;
    const detail = item.detail ?? item.description ?? item.note ?? "";
    return { title: compact(title), detail: compact(detail), status: typeof item.status === "string" ? item.status : "" };
  });
}

export function Plan({ content }: { content: Json }) {
  const steps = readPlan(content);
  if (!steps) return null;
  return (
    <ol className="plan">
      {steps.map((step, i) => (
        <li key={i} className={/done|complete/.test(step.status) ? "done" : ""}>
          <div className="plan-title">
            <Revealed text={step.title} />
            {step.status && <span className="tag"><Revealed text={step.status} /></span>}
          </div>
          {step.detail && <div className="quiet"><Revealed text={step.detail} /></div>}
        </li>
      ))}
    </ol>
  );
}
