/** A standing halt is said on every page. */
import { useHalts } from "../api/queries";
import type { Halt } from "../api/wire";
import { t } from "../words";

export const haltName = (halt: Halt): string => (halt.scope === "workspace" ? t.halts.scopes.workspace : `${halt.scope} ${halt.value ?? ""}`);

export function HaltBanner() {
  const query = useHalts();
  if (!query.data || query.data.length === 0) return null;
  return <p className="halt-banner" role="status">■ {t.halts.banner(query.data.map(haltName).join(", "))}</p>;
}
