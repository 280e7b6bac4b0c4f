/** The share of proposals that reach a person, on a line with the aim and the alarm drawn in. */
import { percent } from "../marks/amount";
import { t } from "../words";

/** The line ends here, or above the alarm and the rate, at a whole step of its scale. */
const FULL = 0.4;
const STEPS = 4;

export function RateBand({ rate, target, alarm }: { rate: number | null; target: number; alarm: number }) {
  if (rate === null) return <p className="quiet">–</p>;
  const full = Math.min(1, Math.max(FULL, Math.ceil(Math.max(alarm * 1.5, rate * 1.1) * 5) / 5));
  const steps = Array.from({ length: STEPS + 1 }, (_, i) => (full * i) / STEPS);
  const at = (share: number) => `${Math.min(100, (share / full) * 100)}%`;
  const state = rate <= target ? "good" : rate <= alarm ? "warn" : "bad";
  const said = { good: t.operations.under, warn: t.operations.between, bad: t.operations.over }[state];
  return (
    <div className={`rate-band ${state}`}>
      <p className="rate-said"><strong className="figure-value">{percent(rate)}</strong> <span>{state === "bad" ? "! " : ""}{said}</span> <span className="quiet">{t.operations.aim} {percent(target, 0)}, {t.operations.alarm} {percent(alarm, 0)}</span></p>
      <div className="rate-line" aria-hidden="true">
        <span className="rate-fill" style={{ width: at(rate) }} />
        <span className="rate-mark" style={{ insetInlineStart: at(target) }}><small>{t.operations.aim}</small></span>
        <span className="rate-mark alarm-mark" style={{ insetInlineStart: at(alarm) }}><small>{t.operations.alarm}</small></span>
        {steps.map((share) => <span key={share} className="rate-step" style={{ insetInlineStart: at(share) }}>{percent(share, 0)}</span>)}
      </div>
    </div>
  );
}
