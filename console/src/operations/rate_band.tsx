/** The share of proposals that reach a person, on a line with the aim and the alarm drawn in. */
import { percent } from "../marks/amount";
import { t } from "../words";

/** The line ends here, or at twice the alarm. */
const FULL = 0.4;

export function RateBand({ rate, target, alarm }: { rate: number | null; target: number; alarm: number }) {
  if (rate === null) return <p className="quiet">–</p>;
  const full = Math.max(FULL, alarm * 1.5, rate * 1.1);
  const at = (share: number) => `${Math.min(100, (share / full) * 100)}%`;
  const state = rate <= target ? "good" : rate <= alarm ? "warn" : "bad";
  const said = { good: t.operations.under, warn: t.operations.between, bad: t.operations.over }[state];
  return (
    <div className={`rate-band ${state}`}>
      <p className="rate-said"><strong className="figure-value">{percent(rate)}</strong> <span>{state === "bad" ? "! " : ""}{said}</span></p>
      <div className="rate-line" aria-hidden="true">
        <span className="rate-fill" style={{ width: at(rate) }} />
        <span className="rate-mark" style={{ insetInlineStart: at(target) }}><small>{t.operations.aim} {percent(target, 0)}</small></span>
        <span className="rate-mark alarm-mark" style={{ insetInlineStart: at(alarm) }}><small>{t.operations.alarm} {percent(alarm, 0)}</small></span>
      </div>
    </div>
  );
}
