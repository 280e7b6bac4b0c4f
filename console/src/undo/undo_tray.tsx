/** What you just said, what happens next, and how long you can take it back. */
import { Revealed } from "../marks/revealed";
import { useNow } from "../ui/now";
import { Hint } from "../ui/hint";
import { t } from "../words";
import { takeBack, useUndoList } from "./undo_list";

const SHOWN = 3;

export function UndoTray() {
  const list = useUndoList();
  const now = useNow();
  if (list.length === 0) return null;
  const newest = list.slice(-SHOWN).reverse();
  return (
    <section className="undo-tray" aria-label={t.undo.region}>
      {newest.map((entry, i) => (
        <div key={entry.review} className="undo-row">
          <div className="undo-text">
            <strong>{entry.said}</strong> <Revealed text={entry.summary} />
            <span className="quiet"> · {entry.next}</span>
          </div>
          <span className="undo-left" aria-hidden="true">
            {t.undo.left(Math.max(0, Math.ceil((entry.until - now) / 1000)))}
          </span>
          <button type="button" onClick={() => void takeBack(entry)}>
            {t.undo.take} {i === 0 && <Hint of="undo" />}
          </button>
        </div>
      ))}
      {list.length > SHOWN && <p className="quiet">+{list.length - SHOWN}</p>}
    </section>
  );
}
