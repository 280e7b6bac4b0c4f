/** Every command by name. */
import { useState, type KeyboardEvent } from "react";
import { Dialog } from "../ui/dialog";
import { t } from "../words";
import { useBindings } from "./bindings";
import { available, run } from "./keymap";

export interface Extra {
  name: string;
  act: () => void;
}

export function Palette({ extras, onClose }: { extras: Extra[]; onClose: () => void }) {
  const table = useBindings();
  const [text, setText] = useState("");
  const [at, setAt] = useState(0);
  const commands = [
    ...table.filter((each) => available(each.id) && !["palette", "back", "commit"].includes(each.id)).map((each) => ({ name: each.name, key: each.key, act: () => void run(each.id) })),
    ...extras.map((each) => ({ ...each, key: "" })),
  ];
  const found = commands.filter((each) => each.name.toLowerCase().includes(text.trim().toLowerCase()));
  const chosen = Math.min(at, found.length - 1);
  const take = (index: number) => {
    const command = found[index];
    if (!command) return;
    onClose();
    // After the dialog is gone, so that focus moved by the command stays.
    setTimeout(command.act);
  };
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key === "ArrowDown") setAt(Math.min(found.length - 1, chosen + 1));
    else if (event.key === "ArrowUp") setAt(Math.max(0, chosen - 1));
    else if (event.key === "Enter") take(chosen);
    else return;
    event.preventDefault();
  };
  return (
    <Dialog title={t.keys.palette} onClose={onClose}>
      <input
        type="text"
        role="combobox"
        aria-expanded="true"
        aria-controls="palette-list"
        aria-activedescendant={found.length ? `palette-${chosen}` : undefined}
        aria-label={t.keys.filter}
        placeholder={t.keys.filter}
        value={text}
        data-first
        onChange={(event) => { setText(event.target.value); setAt(0); }}
        onKeyDown={onKeyDown}
      />
      <ul id="palette-list" role="listbox" aria-label={t.keys.palette} className="palette">
        {found.map((command, i) => (
          <li key={command.name} id={`palette-${i}`} role="option" aria-selected={i === chosen} onClick={() => take(i)}>
            <span>{command.name}</span> {command.key && <kbd>{command.key}</kbd>}
          </li>
        ))}
      </ul>
      {found.length === 0 && <p className="quiet">{t.keys.noCommand}</p>}
    </Dialog>
  );
}
