/** The reliability diagram: confidence said across, share right up, 95 % intervals; the diagonal is honest. */
import type { ReliabilityBin } from "../api/wire";
import { percent } from "../marks/amount";
import { t } from "../words";

const w = t.confidence;
const SIZE = 200;
const LEFT = 56;
const BOTTOM = 36;
const TOP = 8;
const RIGHT = 18;
/** Radius of a point: by its share of the cases, never too small to see. */
const SMALL = 2.5;
const LARGE = 6;

export function ReliabilityChart({ name, bins }: { name: string; bins: ReliabilityBin[] }) {
  // where all are sure and right, the whole square would show one dot in a corner
  const low = Math.min(0.9, ...bins.map((bin) => Math.min(bin.low, bin.confidence)));
  const from = Math.max(0, Math.floor(low * 10) / 10);
  const at = (share: number) => ((share - from) / (1 - from)) * SIZE;
  const x = (share: number) => LEFT + at(share);
  const y = (share: number) => TOP + SIZE - at(share);
  const ticks = [from, (from + 1) / 2, 1];
  const most = Math.max(...bins.map((bin) => bin.n), 1);
  const line = bins.map((bin) => `${x(bin.confidence).toFixed(1)},${y(bin.accuracy).toFixed(1)}`).join(" ");
  return (
    <svg className="reliability-chart" viewBox={`0 0 ${LEFT + SIZE + RIGHT} ${TOP + SIZE + BOTTOM}`} role="img" aria-label={`${w.chart(name)}: ${bins.map(said).join("; ")}`}>
      {ticks.map((tick) => (
        <g key={tick} className="reliability-grid">
          <line x1={LEFT} x2={LEFT + SIZE} y1={y(tick)} y2={y(tick)} />
          <line x1={x(tick)} x2={x(tick)} y1={TOP} y2={TOP + SIZE} />
          <text x={LEFT - 6} y={y(tick) + 4} textAnchor="end">{percent(tick, 0)}</text>
          <text x={x(tick)} y={TOP + SIZE + 16} textAnchor="middle">{percent(tick, 0)}</text>
        </g>
      ))}
      <text className="reliability-axis" x={LEFT + SIZE / 2} y={TOP + SIZE + 32} textAnchor="middle">{w.axisX}</text>
      <text className="reliability-axis" transform={`translate(10 ${TOP + SIZE / 2}) rotate(-90)`} textAnchor="middle">{w.axisY}</text>
      <line className="reliability-honest" x1={x(from)} y1={y(from)} x2={x(1)} y2={y(1)} />
      <polyline className="reliability-path" points={line} />
      {bins.map((bin, i) => (
        <g key={i}>
          <title>{said(bin)}</title>
          <line className="reliability-interval" x1={x(bin.confidence)} x2={x(bin.confidence)} y1={y(bin.low)} y2={y(bin.high)} />
          <circle className="reliability-point" cx={x(bin.confidence)} cy={y(bin.accuracy)} r={SMALL + (LARGE - SMALL) * Math.sqrt(bin.n / most)} />
        </g>
      ))}
    </svg>
  );
}

const said = (bin: ReliabilityBin): string => w.of(percent(bin.accuracy), percent(bin.confidence), percent(bin.low, 0), percent(bin.high, 0), bin.n);
