/** Personal values of a card stay covered until somebody needs them; what was shown is remembered per case. */
import { useId, useMemo, type ReactNode } from "react";
import type { Card } from "../api/wire";
import { keep, useKept } from "../marks/kept";
import { MASK, pathName, valueAt } from "../marks/masks";
import { useReport } from "../marks/reading";
import { Revealed } from "../marks/revealed";
import { t } from "../words";

const NONE: readonly string[] = [];
const shownKey = (card: Card) => `shown ${card.case_id}`;
/** A new revision may hold another value, so "not needed" is said of one card only. */
const unneededKey = (card: Card) => `unneeded ${card.digest}`;

/** The paths of the personal values that are covered now. */
export function useCovered(card: Card): readonly string[] {
  const shown = useKept(shownKey(card), NONE);
  return useMemo(() => {
    const covered = card.personal_data.filter((path) => !shown.includes(path) && valueAt(card.arguments, path) !== undefined);
    return covered.length > 0 ? covered : NONE;
  }, [card.personal_data, card.arguments, shown]);
}

/** In place of one covered value: a way to show it and, on a high-stakes card, to say that it is not needed. */
export function Covered({ card, path }: { card: Card; path: string }) {
  const shown = useKept(shownKey(card), NONE);
  const unneeded = useKept(unneededKey(card), NONE);
  const setAside = unneeded.includes(path);
  const name = pathName(path) || t.card.arguments;
  const id = useId();
  useReport(id, "hidden", name, !setAside);
  return (
    <span className="covered" data-unread={!setAside || undefined}>
      {MASK} <span className="quiet">{setAside ? t.card.leftHidden : t.card.hidden}</span>
      <button type="button" className="small" onClick={() => keep(shownKey(card), [...shown, path])}>
        {t.card.reveal} <span className="off-screen"><Revealed text={name} /></span>
      </button>
      {card.high_stakes && !setAside && (
        <button type="button" className="small ghost" onClick={() => keep(unneededKey(card), [...unneeded, path])}>
          {t.card.notNeeded} <span className="off-screen"><Revealed text={name} /></span>
        </button>
      )}
    </span>
  );
}

/** The value at a path, or its cover. */
export function Personal({ card, path, children }: { card: Card; path: string; children: ReactNode }) {
  return useCovered(card).includes(path) ? <Covered card={card} path={path} /> : <>{children}</>;
}

/** Covers of values inside a larger one, each under its name. */
export function CoveredInside({ card, paths }: { card: Card; paths: readonly string[] }) {
  if (paths.length === 0) return null;
  return (
    <ul className="covered-inside">
      {paths.map((path) => (
        <li key={path}>
          <code><Revealed text={pathName(path)} /></code> <Covered card={card} path={path} />
        </li>
      ))}
    </ul>
  );
}
