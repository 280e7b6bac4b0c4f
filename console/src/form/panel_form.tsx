/** The frame of every answer form: title, body, Send (Ctrl+Enter), Cancel (Esc). On high stakes Send only arms. */
import { useEffect, useRef, type KeyboardEvent, type ReactNode } from "react";
import { keyOf } from "../keys/bindings";
import { pressed, run, useCommands } from "../keys/keymap";
import { t } from "../words";

interface PanelFormProps {
  title: string;
  label: string;
  busy: boolean;
  disabled?: boolean;
  focusSelf?: boolean;
  /** sent once already, and waiting for its second key */
  armed?: boolean;
  onDisarm?: () => void;
  children: ReactNode;
  onSend: () => void;
  onClose: () => void;
}

export function PanelForm({ title, label, busy, disabled = false, focusSelf = false, armed = false, onDisarm, children, onSend, onClose }: PanelFormProps) {
  const form = useRef<HTMLFormElement>(null);
  useCommands({ back: armed && onDisarm ? onDisarm : onClose });
  useEffect(() => {
    form.current?.scrollIntoView({ block: "nearest" });
    if (focusSelf) form.current?.focus();
    else form.current?.querySelector<HTMLElement>("textarea, input, select")?.focus();
  }, [focusSelf]);
  // The armed bar had the focus and is gone: writing goes on here.
  const wasArmed = useRef(false);
  useEffect(() => {
    if (wasArmed.current && !armed && document.activeElement === document.body) form.current?.querySelector<HTMLElement>("textarea, input, select")?.focus();
    wasArmed.current = armed;
  }, [armed]);
  const onKeyDown = (event: KeyboardEvent) => {
    if (armed && event.key.length > 1 && !event.repeat && pressed(event.nativeEvent) === keyOf("commit")) {
      event.preventDefault();
      return void run("commit");
    }
    if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey) || event.repeat) return;
    event.preventDefault();
    if (!busy && !disabled && !armed) onSend();
  };
  return (
    <form ref={form} className="panel" aria-label={title} tabIndex={-1} onKeyDown={onKeyDown} onSubmit={(event) => { event.preventDefault(); if (!busy && !disabled && !armed) onSend(); }}>
      <h3>{title}</h3>
      {children}
      <div className="panel-actions">
        {!armed && (
          <button type="submit" className="primary" disabled={busy || disabled}>
            {busy ? t.verdict.sending : label} <kbd className="hint" aria-hidden="true">Ctrl ⏎</kbd>
          </button>
        )}
        <button type="button" className="ghost" onClick={onClose}>
          {t.form.cancel} {!armed && <kbd className="hint" aria-hidden="true">Esc</kbd>}
        </button>
      </div>
    </form>
  );
}
