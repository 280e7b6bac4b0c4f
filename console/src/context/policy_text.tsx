/** The policy that routed this case. */
import { usePolicy } from "../api/queries";
import type { Card } from "../api/wire";
import { LongText } from "../marks/long_text";
import { Failed, Loading } from "../ui/state";
import { t } from "../words";

export function PolicyText({ card }: { card: Card }) {
  const query = usePolicy(true);
  return (
    <div className="pad">
      <ul className="plain">
        {card.reasons.map((reason, i) => (
          <li key={i}>
            <code>{reason.code}</code> {reason.tier && <span className={`tag tier ${reason.tier}`}>{t.tier[reason.tier]}</span>}
          </li>
        ))}
      </ul>
      <p className="quiet">
        {card.policy.name} · {t.context.wanted} <code>{card.policy.digest.slice(0, 16)}</code>
      </p>
      {query.isPending && <Loading />}
      {query.isError && <Failed title={t.context.policy} error={query.error} />}
      {query.data && (
        <>
          {query.data.digest !== card.policy.digest && <p className="notice">{t.context.policyChanged}</p>}
          <LongText key={query.data.digest} text={query.data.text} mono />
        </>
      )}
    </div>
  );
}
