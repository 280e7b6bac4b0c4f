/** The agent's prose: folded, labelled as its own words, after the facts. */
import type { Card } from "../api/wire";
import { LongText } from "../marks/long_text";
import { NotCounted } from "../marks/reading";
import { t } from "../words";

export function AgentWords({ card }: { card: Card }) {
  if (!card.agent_says) return null;
  return (
    <details className="agent">
      <summary>
        {t.card.agentSays} <span className="quiet">{t.card.agentSaysNote}</span>
      </summary>
      <blockquote>
        <NotCounted>
          <LongText text={card.agent_says} />
        </NotCounted>
      </blockquote>
    </details>
  );
}
