/** The frame of every answer form: title, body, Send (Ctrl+Enter), Cancel (Esc). */
import { useEffect, useRef, type KeyboardEvent, type ReactNode } from "react";
import { useCommands } from "../keys/keymap";
import { t } from "../words";

interface PanelFormProps {
  title: string;
  label: string;
  busy: boolean;
  disabled?: boolean;
  focusSelf?: boolean;
  children: ReactNode;
  onSend: () => void;
  onClose: () => void;
}

export function PanelForm({ title, label, busy, disabled = false, focusSelf = false, children, onSend, onClose }: PanelFormProps) {
  const form = useRef<HTMLFormElement>(null);
  useCommands({ back: onClose });
  useEffect(() => {
    form.current?.scrollIntoView({ block: "nearest" });
    if (focusSelf) form.current?.focus();
    else form.current?.querySelector<HTMLElement>("textarea, input, select")?.focus();
  }, [focusSelf]);
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey) || event.repeat) return;
    event.preventDefault();
    if (!busy && !disabled) onSend();
  };
  return (
    <form ref={form} className="panel" aria-label={title} tabIndex={-1} onKeyDown={onKeyDown} onSubmit={(event) => { event.preventDefault(); onSend(); }}>
      <h3>{title}</h3>
      {children}
      <div className="panel-actions">
        <button type="submit" className="primary" disabled={busy || disabled}>
          {busy ? t.verdict.sending : label} <kbd className="hint" aria-hidden="true">Ctrl ⏎</kbd>
        </button>
        <button type="button" className="ghost" onClick={onClose}>
          {t.form.cancel} <kbd className="hint" aria-hidden="true">Esc</kbd>
        </button>
      </div>
    </form>
  );
}
