/** Who is signed in. Everything else asks here. */
import { useQuery } from "@tanstack/react-query";
import { createContext, useContext } from "react";
import { ProblemError, setCsrf, whenSignedOut } from "../api/http";
import { queryClient, readSession } from "../api/queries";
import { forgetKept } from "../marks/kept";
import type { Person, Session } from "../api/wire";

const KEY = ["session"];

export function useSession() {
  return useQuery({
    queryKey: KEY,
    queryFn: async (): Promise<Session | null> => {
      try {
        const session = await readSession();
        setCsrf(session.csrf);
        return session;
      } catch (error) {
        if (error instanceof ProblemError && error.status === 401) return null;
        throw error;
      }
    },
    staleTime: Infinity,
    refetchOnWindowFocus: false,
  });
}

export function enter(session: Session): void {
  setCsrf(session.csrf);
  queryClient.setQueryData(KEY, session);
}

export function leave(): void {
  setCsrf("");
  queryClient.setQueryData(KEY, null);
  forgetKept();
  queryClient.removeQueries({ predicate: (query) => query.queryKey[0] !== "session" });
}

whenSignedOut(leave);

export const PersonContext = createContext<Person>({ id: "", name: "", roles: [], workspace: "" });
export const usePerson = (): Person => useContext(PersonContext);
/** Whether who is signed in may do what a lead does. */
export const useLeads = (): boolean => usePerson().roles.some((role) => role === "lead" || role === "admin");
