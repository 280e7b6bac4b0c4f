/** On a high-stakes card an answer that lets something run is armed first, then committed by a second key. */
import { useLayoutEffect, useState } from "react";
import type { Card, Verdict } from "../api/wire";
import { useMissing, type Missing } from "../marks/reading";
import type { Dwell } from "./dwell";
import type { Answer } from "./reviewing";

const LETS_RUN = new Set<Verdict>(["approve", "edit", "respond"]);

export interface Arming {
  /** the answer that waits for its second key */
  armed: Answer | null;
  /** whole seconds until the card was on screen long enough */
  secondsLeft: number;
  missing: Missing[];
  /** Send at once, or arm when the stakes are high. */
  offer: (answer: Answer) => void;
  commit: () => void;
  disarm: () => void;
}

export function useArming(card: Card, dwell: Dwell, send: (answer: Answer) => void): Arming {
  const [pending, setPending] = useState<{ digest: string; answer: Answer } | null>(null);
  // What was armed on one card is nothing on the next revision of it.
  const armed = pending?.digest === card.digest ? pending.answer : null;
  const missing = useMissing();
  const secondsLeft = useSecondsLeft(card, dwell, armed !== null);
  const disarm = () => setPending(null);
  return {
    armed,
    missing,
    secondsLeft,
    disarm,
    offer: (answer) => (card.high_stakes && LETS_RUN.has(answer.verdict) ? setPending({ digest: card.digest, answer }) : send(answer)),
    commit: () => {
      if (!armed || missing.length > 0 || dwell.seconds() < card.dwell_floor_seconds) return;
      disarm();
      send(armed);
    },
  };
}

const LOOK = 200;

function useSecondsLeft(card: Card, dwell: Dwell, active: boolean): number {
  const [left, setLeft] = useState(0);
  // before the paint, so that "commit" is never said too early
  useLayoutEffect(() => {
    if (!active) return;
    const look = () => setLeft(Math.max(0, Math.ceil(card.dwell_floor_seconds - dwell.seconds())));
    look();
    const timer = setInterval(look, LOOK);
    return () => clearInterval(timer);
  }, [active, card.digest, card.dwell_floor_seconds, dwell]);
  return left;
}
