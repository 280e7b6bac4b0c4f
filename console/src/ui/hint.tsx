/** The key that does the same as the button it stands on. */
import { keyOf, useBindings, useLettersOff, type Command } from "../keys/bindings";

export function Hint({ of }: { of: Command }) {
  useBindings();
  const off = useLettersOff();
  const key = keyOf(of);
  if (off && key.length === 1) return null;
  return (
    <kbd className="hint" aria-hidden="true">
      {key.replace("Ctrl+k", "Ctrl K").replace("Shift+Enter", "⇧⏎").replace("Enter", "⏎").replace("Escape", "Esc")}
    </kbd>
  );
}

/** A key written out in a sentence. */
export const keyName = (key: string): string => key.replaceAll("+", " + ");
