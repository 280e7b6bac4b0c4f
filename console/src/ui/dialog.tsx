/** A modal on the browser's own dialog: focus trap, Escape and inert page come with it. */
import { useEffect, useRef, type ReactNode } from "react";
import { visible } from "../marks/hidden";
import { Revealed } from "../marks/revealed";
import { t } from "../words";

export function Dialog({ title, onClose, children, wide = false }: { title: string; onClose: () => void; children: ReactNode; wide?: boolean }) {
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    const element = dialog.current;
    element?.showModal();
    // React's autoFocus runs before the dialog is open and is lost.
    element?.querySelector<HTMLElement>("[data-first]")?.focus();
    return () => element?.close();
  }, []);
  return (
    <dialog
      ref={dialog}
      className={wide ? "dialog wide" : "dialog"}
      aria-label={visible(title)}
      onCancel={(event) => {
        event.preventDefault();
        onClose();
      }}
      onClick={(event) => {
        if (event.target === dialog.current) onClose();
      }}
    >
      <div className="dialog-in">
        <header className="dialog-head">
          <h2><Revealed text={title} /></h2>
          <button type="button" className="ghost small" onClick={onClose}>
            {t.common.close} <kbd className="hint">Esc</kbd>
          </button>
        </header>
        {children}
      </div>
    </dialog>
  );
}
