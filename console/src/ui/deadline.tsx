/** By when, as time left; warns in words and shape as well as colour. */
import { clockTime, brief, duration, secondsUntil } from "../marks/time";
import { t } from "../words";
import { useNow } from "./now";

export type Urgency = "calm" | "soon" | "now" | "over";

/** The last fifth of the time is "soon"; under a minute is "now". */
export function urgency(deadline: string, openedAt: string | null, now: number): Urgency {
  const left = secondsUntil(deadline, now);
  if (left <= 0) return "over";
  if (left < 60) return "now";
  const whole = openedAt ? (Date.parse(deadline) - Date.parse(openedAt)) / 1000 : Infinity;
  return left < whole / 5 ? "soon" : "calm";
}

export function Deadline({ at, openedAt, short = false }: { at: string | null; openedAt: string | null; short?: boolean }) {
  const now = useNow();
  if (at === null) return short ? null : <span className="quiet">{t.card.noDeadline}</span>;
  const left = secondsUntil(at, now);
  const state = urgency(at, openedAt, now);
  const text = left <= 0 ? t.common.overdue(brief(-left)) : short ? brief(left) : t.common.in(duration(left));
  return (
    <time dateTime={at} className={`deadline ${state}`} title={new Date(at).toLocaleString()}>
      {state === "now" || state === "over" ? "! " : ""}
      {text}
      {!short && <span className="quiet"> · {clockTime(at)}</span>}
    </time>
  );
}
