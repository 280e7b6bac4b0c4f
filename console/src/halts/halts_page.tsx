/** Stop what has not started, and lift it again. */
import { useState, type FormEvent } from "react";
import { liftHalt, queryClient, setHalt, useHalts } from "../api/queries";
import type { Halt } from "../api/wire";
import { Revealed } from "../marks/revealed";
import { clockTime } from "../marks/time";
import { Empty, Failed, Loading } from "../ui/state";
import { say, sayProblem } from "../ui/toast";
import { t } from "../words";
import { haltName } from "./halt_banner";

const SCOPES: Halt["scope"][] = ["agent", "action", "run", "workspace"];

export default function HaltsPage() {
  const query = useHalts();
  const refresh = () => void queryClient.invalidateQueries({ queryKey: ["halts"] });
  return (
    <main className="page">
      <header className="page-head"><h1>{t.halts.title}</h1></header>
      <p className="quiet">{t.halts.lead}</p>
      <div className="halts">
        <HaltForm onDone={refresh} />
        <section className="section" aria-label={t.halts.standing}>
          <h2>{t.halts.standing}</h2>
          {query.isPending ? <Loading /> : query.isError ? <Failed title={t.halts.failed} error={query.error} retry={refresh} /> : query.data.length === 0 ? <Empty title={t.halts.none} /> : (
            <ul className="plain">{query.data.map((halt) => <HaltLine key={halt.id} halt={halt} onDone={refresh} />)}</ul>
          )}
        </section>
      </div>
    </main>
  );
}

function HaltLine({ halt, onDone }: { halt: Halt; onDone: () => void }) {
  const lift = () => liftHalt(halt.id).then(() => { say(t.toast.lifted); onDone(); }).catch(sayProblem);
  return (
    <li className="halt-line">
      <div>
        <strong>■ {haltName(halt)}</strong>
        <div><Revealed text={halt.reason} /></div>
        <span className="quiet">{halt.by && `${t.halts.by} ${halt.by} `}{halt.at && `${t.halts.since} ${clockTime(halt.at)}`}</span>
      </div>
      <button type="button" onClick={() => void lift()}>{t.halts.lift}</button>
    </li>
  );
}

function HaltForm({ onDone }: { onDone: () => void }) {
  const [scope, setScope] = useState<Halt["scope"]>("agent");
  const [busy, setBusy] = useState(false);
  async function submit(event: FormEvent<HTMLFormElement>): Promise<void> {
    event.preventDefault();
    const form = event.currentTarget;
    const data = new FormData(form);
    setBusy(true);
    try {
      const value = String(data.get("value") ?? "").trim();
      await setHalt({ scope, reason: String(data.get("reason")).trim(), ...(scope === "workspace" ? {} : { value }) });
      say(t.toast.halted);
      form.reset();
      onDone();
    } catch (error) {
      sayProblem(error);
    }
    setBusy(false);
  }
  return (
    <form className="section halt-form" onSubmit={(event) => void submit(event)}>
      <label className="field">
        <span className="label">{t.halts.scope}</span>
        <select value={scope} onChange={(event) => setScope(event.target.value as Halt["scope"])}>
          {SCOPES.map((each) => <option key={each} value={each}>{t.halts.scopes[each]}</option>)}
        </select>
      </label>
      {scope === "workspace" ? (
        <label className="field"><span className="label">{t.halts.confirm}</span><input name="confirm" pattern="HALT" required autoComplete="off" /></label>
      ) : (
        <label className="field"><span className="label">{t.halts.value}</span><input name="value" required autoComplete="off" /></label>
      )}
      <label className="field"><span className="label">{t.halts.reason}</span><input name="reason" required autoComplete="off" /></label>
      <button type="submit" className="danger" disabled={busy}>■ {t.halts.go}</button>
    </form>
  );
}
