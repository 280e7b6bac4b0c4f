/** Durations in words of at most two units. */

const UNITS: [string, number][] = [["d", 86_400], ["h", 3_600], ["min", 60], ["s", 1]];

/** "4 min 10 s", "2 d 3 h", "0 s". Seconds, never negative. */
export function duration(seconds: number): string {
  let rest = Math.max(0, Math.round(seconds));
  const parts: string[] = [];
  for (const [unit, size] of UNITS) {
    const count = Math.floor(rest / size);
    if (count > 0) parts.push(`${count} ${unit}`);
    rest -= count * size;
    if (parts.length === 2) break;
  }
  return parts.join(" ") || "0 s";
}

/** One unit: for narrow places. */
export function brief(seconds: number): string {
  const size = Math.max(0, Math.round(seconds));
  for (const [unit, unitSize] of UNITS) if (size >= unitSize) return `${Math.floor(size / unitSize)} ${unit}`;
  return "0 s";
}

export const secondsUntil = (iso: string, now: number): number => (Date.parse(iso) - now) / 1000;

export const day = (iso: string): string => new Date(iso).toLocaleDateString([], { day: "numeric", month: "short" });

export const clockTime = (iso: string): string => {
  const at = new Date(iso);
  const time = at.toLocaleTimeString([], { hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
  const today = new Date().toDateString() === at.toDateString();
  return today ? time : `${at.toLocaleDateString([], { day: "numeric", month: "short" })}, ${time}`;
};
