/** Signed in: the shell. Not signed in: the door. */
import { SignIn } from "./signin/sign_in";
import { PersonContext, useSession } from "./session/session";
import { Shell } from "./shell/shell";
import { Failed, Loading } from "./ui/state";
import { t } from "./words";

export function App() {
  const session = useSession();
  if (session.isPending) return <main className="alone"><Loading text={t.session.loading} /></main>;
  if (session.isError) return <main className="alone"><Failed title={t.session.cannot} error={session.error} retry={() => void session.refetch()} /></main>;
  if (session.data === null) return <SignIn />;
  return (
    <PersonContext.Provider value={session.data.person}>
      <Shell />
    </PersonContext.Provider>
  );
}
