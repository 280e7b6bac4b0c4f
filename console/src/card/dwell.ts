/** Seconds a card was really on screen: counted only while the tab is visible. */
import { useEffect, useRef } from "react";

export interface Dwell {
  seconds: () => number;
}

export function useDwell(key: string): Dwell {
  const total = useRef(0);
  const since = useRef<number | null>(null);
  useEffect(() => {
    total.current = 0;
    since.current = document.visibilityState === "visible" ? performance.now() : null;
    const change = () => {
      if (document.visibilityState === "visible") since.current = performance.now();
      else if (since.current !== null) {
        total.current += performance.now() - since.current;
        since.current = null;
      }
    };
    document.addEventListener("visibilitychange", change);
    return () => document.removeEventListener("visibilitychange", change);
  }, [key]);
  return useRef<Dwell>({
    seconds: () => (total.current + (since.current === null ? 0 : performance.now() - since.current)) / 1000,
  }).current;
}
