/** Turns log events into fresh data. Bursts are gathered, so a busy queue costs one refetch a second. */
import { useEffect, useState } from "react";
import { heedWithdrawal } from "../undo/undo_list";
import { follow, type Liveness } from "./events";
import { queryClient } from "./queries";

const GATHER = 400;

export function useLive(): Liveness {
  const [state, setState] = useState<Liveness>("connecting");
  useEffect(() => {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const touched = new Set<string>();
    const flush = () => {
      timer = undefined;
      void queryClient.invalidateQueries({ queryKey: ["cases"] });
      void queryClient.invalidateQueries({ queryKey: ["operations"] });
      for (const id of touched) void queryClient.invalidateQueries({ queryKey: ["case", id] });
      touched.clear();
    };
    const stop = follow((event) => {
      if (event.case_id) touched.add(event.case_id);
      if (event.type === "review.withdrawn" && event.case_id) heedWithdrawal(event.case_id).catch(() => undefined);
      if (event.type.startsWith("halt.")) {
        void queryClient.invalidateQueries({ queryKey: ["halts"] });
        void queryClient.invalidateQueries({ queryKey: ["case"] });
      }
      timer ??= setTimeout(flush, GATHER);
    }, setState);
    return () => {
      stop();
      clearTimeout(timer);
    };
  }, []);
  return state;
}
