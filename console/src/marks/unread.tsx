/** Keeps which long values of the open card are not read to their end; Approve asks it. */
import { createContext, useCallback, useContext, useEffect, useMemo, useState, type ReactNode } from "react";

interface Unread {
  count: number;
  report: (id: string, unread: boolean) => void;
}

const Context = createContext<Unread>({ count: 0, report: () => undefined });

export function UnreadScope({ children }: { children: ReactNode }) {
  const [ids, setIds] = useState<ReadonlySet<string>>(new Set());
  const report = useCallback((id: string, unread: boolean) => {
    setIds((before) => {
      if (before.has(id) === unread) return before;
      const after = new Set(before);
      if (unread) after.add(id);
      else after.delete(id);
      return after;
    });
  }, []);
  const value = useMemo(() => ({ count: ids.size, report }), [ids, report]);
  return <Context.Provider value={value}>{children}</Context.Provider>;
}

export const useUnread = (): number => useContext(Context).count;

export function useReportUnread(id: string, unread: boolean): void {
  const { report } = useContext(Context);
  useEffect(() => {
    report(id, unread);
  }, [report, id, unread]);
  useEffect(() => () => report(id, false), [report, id]);
}
