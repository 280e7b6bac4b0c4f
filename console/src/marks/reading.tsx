/** What of the open card is still unread: values not read to their end, personal ones neither shown nor set aside. */
import { createContext, useCallback, useContext, useEffect, useMemo, useState, type ReactNode } from "react";

export interface Missing {
  kind: "rest" | "hidden" | "fields";
  /** which value; for "fields" how many are not listed yet */
  name: string;
}

interface Reading {
  /** "" where nothing is counted */
  digest: string;
  missing: ReadonlyMap<string, Missing>;
  report: (id: string, missing: Missing | null) => void;
}

const NOWHERE: Reading = { digest: "", missing: new Map(), report: () => undefined };
const Context = createContext<Reading>(NOWHERE);

export function ReadingScope({ digest, children }: { digest: string; children: ReactNode }) {
  const [missing, setMissing] = useState<ReadonlyMap<string, Missing>>(NOWHERE.missing);
  const report = useCallback((id: string, given: Missing | null) => {
    setMissing((before) => {
      const held = before.get(id);
      if (given === null ? held === undefined : held?.kind === given.kind && held.name === given.name) return before;
      const after = new Map(before);
      if (given) after.set(id, given);
      else after.delete(id);
      return after;
    });
  }, []);
  const value = useMemo(() => ({ digest, missing, report }), [digest, missing, report]);
  return <Context.Provider value={value}>{children}</Context.Provider>;
}

/** What is in here need not be read: it is not what gets approved. */
export const NotCounted = ({ children }: { children: ReactNode }) => <Context.Provider value={NOWHERE}>{children}</Context.Provider>;

export function useMissing(): Missing[] {
  const { missing } = useContext(Context);
  return useMemo(() => [...missing.values()], [missing]);
}

/** Under which reading progress is kept: this card and no other. */
export const useReadingDigest = (): string => useContext(Context).digest;

export function useReport(id: string, kind: Missing["kind"], name: string, unread: boolean): void {
  const { report } = useContext(Context);
  useEffect(() => {
    report(id, unread ? { kind, name } : null);
  }, [report, id, kind, name, unread]);
  useEffect(() => () => report(id, null), [report, id]);
}
