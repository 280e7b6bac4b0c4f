/** Past cases like this one, and how they ended. */
import { useSimilar } from "../api/queries";
import { decisionOf } from "../card/settled";
import { words } from "../marks/json";
import { Revealed } from "../marks/revealed";
import { clockTime } from "../marks/time";
import { go } from "../route/route";
import { Empty, Failed, Loading } from "../ui/state";
import { t } from "../words";

/** A summary begins with its action's name, which is spelled here as everywhere. */
const titled = (summary: string): string => summary.replace(/^\w+: /, words);

export function SimilarList({ caseId }: { caseId: string }) {
  const query = useSimilar(caseId, true);
  if (query.isPending) return <Loading />;
  if (query.isError) return <Failed title={t.context.similar} error={query.error} retry={() => void query.refetch()} />;
  if (query.data.items.length === 0) return <Empty title={t.context.noSimilar} />;
  return (
    <ul className="similar">
      {query.data.items.map((each) => {
        const decision = decisionOf(each.decision);
        return (
          <li key={each.case_id}>
            <button type="button" className="row-button" onClick={() => go({ page: "queue", caseId: each.case_id })}>
              <span className="similar-text"><Revealed text={titled(each.summary)} /></span>
              <span className="similar-facts">
                {decision && <span className={`decision ${decision.kind}`}>{t.card.decided[decision.kind] ?? decision.kind}</span>}
                <span className="quiet">{clockTime(each.at)}</span>
              </span>
            </button>
          </li>
        );
      })}
    </ul>
  );
}
