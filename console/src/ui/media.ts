/** Does the screen match? Order on a phone is real order in the document, so focus follows it. */
import { useSyncExternalStore } from "react";

export function useMedia(query: string): boolean {
  return useSyncExternalStore(
    (listener) => {
      const media = matchMedia(query);
      media.addEventListener("change", listener);
      return () => media.removeEventListener("change", listener);
    },
    () => matchMedia(query).matches,
  );
}

/** Where hints at keys help nobody; `.hint` hides by the same query. */
export const KEYLESS = "(max-width: 600px), (hover: none)";
export const PHONE = "(max-width: 600px)";
