/** Review rate and model error by round. uPlot is fetched only when this is shown. */
import { useEffect, useRef } from "react";
import type uPlot from "uplot";
import type { Operations } from "../api/wire";
import { percent } from "../marks/amount";
import { t } from "../words";

const HEIGHT = 240;

export default function RoundChart({ data }: { data: Operations }) {
  const box = useRef<HTMLDivElement>(null);
  useEffect(() => {
    const element = box.current;
    if (!element) return;
    let plot: uPlot | undefined;
    let gone = false;
    const media = matchMedia("(prefers-color-scheme: dark)");
    const draw = async () => {
      const [{ default: Plot }] = await Promise.all([import("uplot"), import("uplot/dist/uPlot.min.css")]);
      if (gone) return;
      plot?.destroy();
      plot = new Plot(options(element, data), series(data), element);
    };
    void draw();
    const redraw = () => void draw();
    const resize = new ResizeObserver(() => plot?.setSize({ width: element.clientWidth, height: HEIGHT }));
    const theme = new MutationObserver(redraw);
    theme.observe(document.documentElement, { attributes: true, attributeFilter: ["data-theme"] });
    media.addEventListener("change", redraw);
    resize.observe(element);
    return () => {
      gone = true;
      resize.disconnect();
      theme.disconnect();
      media.removeEventListener("change", redraw);
      plot?.destroy();
    };
  }, [data]);
  return <div ref={box} className="chart" role="img" aria-label={t.operations.chart} />;
}

function series(data: Operations): uPlot.AlignedData {
  const rounds = data.chart.map((point) => point.round);
  return [
    rounds,
    data.chart.map((point) => point.review_rate),
    data.chart.map((point) => point.model_error),
    rounds.map(() => data.review_rate_target),
    rounds.map(() => data.review_rate_alarm),
  ];
}

/** Canvas cannot read light-dark(); a probe element resolves the token for the theme in force. */
function ink(element: HTMLElement, token: string): string {
  const probe = document.createElement("span");
  probe.style.color = `var(${token})`;
  element.append(probe);
  const colour = getComputedStyle(probe).color;
  probe.remove();
  return colour;
}

function options(element: HTMLElement, data: Operations): uPlot.Options {
  const text = ink(element, "--ink-quiet");
  const grid = { stroke: ink(element, "--line"), width: 1 };
  const axis = { stroke: text, grid, ticks: { ...grid, size: 4 }, font: `12px ${getComputedStyle(element).fontFamily}` };
  const share = (_: uPlot, value: number | null) => (value === null ? "" : percent(value));
  const top = Math.max(0.25, ...data.chart.flatMap((point) => [point.review_rate, point.model_error ?? 0]));
  const only = data.chart.length === 1 ? data.chart[0] : undefined;
  return {
    width: element.clientWidth || 600,
    height: HEIGHT,
    // Before the pointer comes, the legend says the latest round.
    hooks: { ready: [(plot) => plot.setLegend({ idx: data.chart.length - 1 })] },
    // a single round is as wide as one, not as a hundred
    scales: { x: { time: false, ...(only ? { range: [only.round, only.round + 1] } : {}) }, y: { range: [0, Math.min(1, top * 1.1)] } },
    axes: [
      { ...axis, incrs: [1, 2, 5, 10, 20, 50] },
      { ...axis, values: (_, ticks) => ticks.map((tick) => percent(tick, 0)), size: 52 },
    ],
    series: [
      { label: t.operations.round, value: (_, round: number | null) => (round === null ? "" : String(round)) },
      { label: t.operations.reviewRate, stroke: ink(element, "--accent"), width: 2, value: share, points: { show: true, size: 6 } },
      { label: t.operations.modelError, stroke: ink(element, "--violet"), width: 2, dash: [6, 3], value: share, points: { show: true, size: 6 } },
      { label: t.operations.aim, stroke: ink(element, "--good"), width: 1, dash: [2, 4], value: share, points: { show: false } },
      { label: t.operations.alarm, stroke: ink(element, "--bad"), width: 1, dash: [2, 4], value: share, points: { show: false } },
    ],
  };
}
