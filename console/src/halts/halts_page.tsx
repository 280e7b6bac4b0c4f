/** Stop what has not started, and lift it again. */
import { useState, type FormEvent } from "react";
import { haltNames, liftHalt, queryClient, setHalt, useHaltNames, useHalts } from "../api/queries";
import type { Halt, HaltNames } from "../api/wire";
import { Revealed } from "../marks/revealed";
import { clockTime } from "../marks/time";
import { useLeads } from "../session/session";
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
  const lead = useLeads();
  const lift = () => liftHalt(halt.id).then(() => { say(t.toast.lifted); onDone(); }).catch(sayProblem);
  return (
    <li className="halt-line">
      <div>
        <strong>■ {haltName(halt)}</strong>
        <div><Revealed text={halt.reason} /></div>
        <span className="quiet">{halt.by && `${t.halts.by} ${halt.by} `}{halt.at && `${t.halts.since} ${clockTime(halt.at)}`}</span>
      </div>
      {lead ? <button type="button" onClick={() => void lift()}>{t.halts.lift}</button> : <span className="quiet">{t.halts.leadLifts}</span>}
    </li>
  );
}

function HaltForm({ onDone }: { onDone: () => void }) {
  const [scope, setScope] = useState<Halt["scope"]>("agent");
  const [value, setValue] = useState("");
  const [doubt, setDoubt] = useState<HaltNames | null>(null);
  const [busy, setBusy] = useState(false);
  const names = useHaltNames(scope).data?.names ?? [];
  const name = (next: string) => {
    setValue(next);
    setDoubt(null);
  };
  /** A name that nobody has is likely a slip; it is said once, and never in the way of a halt. */
  async function doubted(): Promise<boolean> {
    if (scope === "workspace" || doubt !== null) return false;
    const found = await haltNames(scope, value.trim()).catch(() => null);
    if (found === null || found.known) return false;
    setDoubt(found);
    return true;
  }
  async function submit(event: FormEvent<HTMLFormElement>): Promise<void> {
    event.preventDefault();
    const form = event.currentTarget;
    const data = new FormData(form);
    setBusy(true);
    try {
      if (!(await doubted())) {
        await setHalt({ scope, reason: String(data.get("reason")).trim(), ...(scope === "workspace" ? {} : { value: value.trim() }) });
        say(t.toast.halted);
        form.reset();
        name("");
        onDone();
      }
    } catch (error) {
      sayProblem(error);
    }
    setBusy(false);
  }
  return (
    <form className="section halt-form" onSubmit={(event) => void submit(event)}>
      <label className="field">
        <span className="label">{t.halts.scope}</span>
        <select value={scope} onChange={(event) => { setScope(event.target.value as Halt["scope"]); name(""); }}>
          {SCOPES.map((each) => <option key={each} value={each}>{t.halts.scopes[each]}</option>)}
        </select>
      </label>
      {scope === "workspace" ? (
        <label className="field"><span className="label">{t.halts.confirm}</span><input name="confirm" pattern="HALT" required autoComplete="off" /></label>
      ) : (
        <>
          <label className="field"><span className="label">{t.halts.value}</span><input name="value" list="halt-names" required autoComplete="off" value={value} onChange={(event) => name(event.target.value)} /></label>
          <datalist id="halt-names">{names.map((each) => <option key={each} value={each} />)}</datalist>
        </>
      )}
      {doubt && <Doubt scope={scope} value={value.trim()} doubt={doubt} onMeant={name} />}
      <label className="field"><span className="label">{t.halts.reason}</span><input name="reason" required autoComplete="off" /></label>
      <button type="submit" className="danger" disabled={busy}>■ {doubt ? t.halts.anyway : t.halts.go}</button>
    </form>
  );
}

const LISTED = 8;

function Doubt({ scope, value, doubt, onMeant }: { scope: Halt["scope"]; value: string; doubt: HaltNames; onMeant: (name: string) => void }) {
  const { near, names } = doubt;
  const listed = names.slice(0, LISTED).join(", ") + (names.length > LISTED ? ", …" : "");
  return (
    <div className="notice doubt" role="alert">
      <p><Revealed text={t.halts.unknown[scope]?.(value) ?? ""} /></p>
      {near.length > 0 ? (
        <p className="doubt-names">{t.halts.meant} {near.map((each) => <button key={each} type="button" className="small" onClick={() => onMeant(each)}><Revealed text={each} /></button>)}</p>
      ) : (
        <p><Revealed text={names.length > 0 ? t.halts.there(listed) : t.halts.noneThere} /></p>
      )}
      <p>{t.halts.stillStops}</p>
    </div>
  );
}
