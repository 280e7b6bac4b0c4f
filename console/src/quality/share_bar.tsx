/** A share with its interval drawn, or how much of the evidence there is. */
import type { Share } from "../api/wire";
import { percent } from "../marks/amount";
import { t } from "../words";

const w = t.quality;

interface Props {
  name: string;
  share: Share;
  unit: string;
  /** Something else is wanted before it is shown: say only how much there is. */
  soFar?: boolean;
}

export function ShareBar({ name, share, unit, soFar = false }: Props) {
  const known = share.value !== null && share.low != null && share.high != null;
  return (
    <div className="share">
      <div className="fact-name">{name}</div>
      {known ? <Known value={share.value ?? 0} low={share.low ?? 0} high={share.high ?? 1} n={share.n} unit={unit} /> : (
        <div className="quiet">{soFar ? w.soFar(share.n, unit) : w.of(share.n, share.need, unit)}</div>
      )}
    </div>
  );
}

function Known({ value, low, high, n, unit }: { value: number; low: number; high: number; n: number; unit: string }) {
  return (
    <>
      <div><strong className="share-value">{percent(value, 0)}</strong> <span className="quiet">{percent(low, 0)} – {percent(high, 0)}, {n} {unit}</span></div>
      <div className="share-line" aria-hidden="true">
        <span className="share-band" style={{ insetInlineStart: `${low * 100}%`, width: `${(high - low) * 100}%` }} />
        <span className="share-tick" style={{ insetInlineStart: `${value * 100}%` }} />
      </div>
    </>
  );
}
