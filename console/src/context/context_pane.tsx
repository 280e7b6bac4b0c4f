/** Beside the card: evidence, similar cases, the policy that applies, and the history with its proof. */
import { useState } from "react";
import type { CaseDetail } from "../api/wire";
import { EvidenceTabs } from "../evidence/evidence_tabs";
import { t } from "../words";
import { HistoryList } from "./history";
import { PolicyText } from "./policy_text";
import { SimilarList } from "./similar";

type Tab = "evidence" | "similar" | "policy" | "history";
const TABS: Tab[] = ["evidence", "similar", "policy", "history"];

export function ContextPane({ detail, blurred }: { detail: CaseDetail; blurred: boolean }) {
  const { card } = detail;
  const [tab, setTab] = useState<Tab>(card.evidence.length > 0 ? "evidence" : "similar");
  const step = (by: number) => {
    const next = TABS[(TABS.indexOf(tab) + by + TABS.length) % TABS.length] ?? "evidence";
    setTab(next);
    document.getElementById(`tab-${next}`)?.focus();
  };
  return (
    <div className="context">
      <div
        className="tabs"
        role="tablist"
        aria-label={t.context.label}
        onKeyDown={(event) => {
          if (event.key === "ArrowRight") step(1);
          if (event.key === "ArrowLeft") step(-1);
        }}
      >
        {TABS.map((each) => (
          <button key={each} id={`tab-${each}`} type="button" role="tab" className="tab" aria-selected={tab === each} aria-controls="context-panel" tabIndex={tab === each ? 0 : -1} onClick={() => setTab(each)}>
            {t.context[each]}
            {each === "evidence" && card.evidence.length > 0 && <span className="badge">{card.evidence.length}</span>}
          </button>
        ))}
      </div>
      <div className="context-panel" id="context-panel" role="tabpanel" aria-labelledby={`tab-${tab}`} tabIndex={0}>
        {tab === "evidence" && <EvidenceTabs card={card} blurred={blurred} />}
        {tab === "similar" && <SimilarList caseId={card.case_id} />}
        {tab === "policy" && <PolicyText card={card} />}
        {tab === "history" && <HistoryList detail={detail} />}
      </div>
    </div>
  );
}
