/** The keys, as they are now; each can be changed, and letters can be turned off. */
import { useEffect, useState } from "react";
import { Dialog } from "../ui/dialog";
import { t } from "../words";
import { rebind, resetKeys, setLettersOff, useBindings, useLettersOff, type Command, type Group } from "./bindings";
import { pressed } from "./keymap";

const GROUPS: Group[] = ["verdict", "move", "view", "go"];

export function Help({ onClose }: { onClose: () => void }) {
  const table = useBindings();
  const off = useLettersOff();
  const [changing, setChanging] = useState<Command | null>(null);
  const [problem, setProblem] = useState("");
  useEffect(() => {
    if (changing === null) return;
    const listen = (event: KeyboardEvent) => {
      const key = pressed(event);
      if (["Shift", "Control", "Alt", "Meta", "Tab"].includes(event.key)) return;
      event.preventDefault();
      event.stopPropagation();
      const other = table.find((each) => each.key === key && each.id !== changing);
      if (other) return setProblem(`${key}: ${t.keys.taken(other.name)}`);
      if (key !== "Escape") rebind(changing, key);
      setProblem("");
      setChanging(null);
    };
    addEventListener("keydown", listen, true);
    return () => removeEventListener("keydown", listen, true);
  }, [changing, table]);
  return (
    <Dialog title={t.keys.title} wide onClose={onClose}>
      <p className="quiet">{t.keys.note}</p>
      <div className="help-tools">
        <label className="switch">
          <input type="checkbox" role="switch" checked={!off} onChange={(event) => setLettersOff(!event.target.checked)} /> {off ? t.keys.offNow : t.keys.off}
        </label>
        <button type="button" className="small" onClick={resetKeys}>{t.keys.reset}</button>
      </div>
      {problem && <p className="problem" role="alert">{problem}</p>}
      <div className="help-groups">
        {GROUPS.map((group) => (
          <section key={group}>
            <h3 className="fact-name">{t.keys.groups[group]}</h3>
            <ul className="plain">
              {table.filter((each) => each.group === group).map((each) => (
                <li key={each.id} className="help-row">
                  <span>{each.name}</span>
                  <button type="button" className="small key" onClick={() => setChanging(each.id)}>
                    {changing === each.id ? t.keys.change : <kbd>{each.key}</kbd>}
                  </button>
                </li>
              ))}
            </ul>
          </section>
        ))}
      </div>
    </Dialog>
  );
}
