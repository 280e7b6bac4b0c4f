/** Said on a case whose step a person carries out, or carried out, in the program's stead. */
import type { CaseDetail } from "../api/wire";
import { clockTime } from "../marks/time";
import { usePerson } from "../session/session";
import { t } from "../words";

const w = t.takeOver;

export function ByHand({ detail }: { detail: CaseDetail }) {
  const person = usePerson();
  const { by_hand: hand, execution } = detail;
  if (!hand || !execution || (hand.person === person.id && execution.state === "started")) return null;
  return <p className="notice presence">{execution.state === "started" ? w.other(hand.name, clockTime(execution.expires_at ?? "")) : w.ended(hand.name)}</p>;
}
