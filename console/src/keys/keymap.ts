/** One listener for all keys. Commands register what they do while they are on screen. */
import { useEffect, useRef } from "react";
import { bindings, lettersOff, type Command } from "./bindings";

export type Handlers = Partial<Record<Command, () => void>>;

/** The newest registration of a command wins, so a form can take over Escape from the page. */
const stack: { layer: { current: Handlers }; listed: boolean }[] = [];
const CHORD_MS = 1_200;
let prefix = "";
let prefixAt = 0;

/** The name of a key press as bindings write it: "j", "Ctrl+k", "Shift+Enter". */
export function pressed(event: KeyboardEvent): string {
  const mods = `${event.ctrlKey || event.metaKey ? "Ctrl+" : ""}${event.altKey ? "Alt+" : ""}`;
  const named = event.key.length > 1;
  return `${mods}${event.shiftKey && named ? "Shift+" : ""}${mods && !named ? event.key.toLowerCase() : event.key}`;
}

function typing(target: EventTarget | null): boolean {
  if (!(target instanceof HTMLElement)) return false;
  return target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName);
}

/** Enter and Space belong to a focused control. */
function pressesControl(event: KeyboardEvent): boolean {
  if (event.key !== "Enter" && event.key !== " ") return false;
  return event.target instanceof Element && event.target.closest("button, a, summary, [role=tab]") !== null && !event.shiftKey;
}

export function run(id: Command): boolean {
  for (let i = stack.length - 1; i >= 0; i -= 1) {
    const handler = stack[i]?.layer.current[id];
    if (handler) {
      handler();
      return true;
    }
  }
  return false;
}

export const available = (id: Command): boolean => stack.some(({ layer, listed }) => listed && layer.current[id] !== undefined);

function onKey(event: KeyboardEvent): void {
  if (event.repeat || event.isComposing || event.defaultPrevented) return;
  const key = pressed(event);
  const always = key === "Escape" || key.startsWith("Ctrl+");
  if (!always && typing(event.target)) return;
  if (pressesControl(event)) return;
  // A dialog owns its keys; only what it registered itself may run, and dialogs handle those.
  if (document.querySelector("dialog[open]") !== null) return;
  if (lettersOff() && key.length === 1) return;
  const chord = event.timeStamp - prefixAt < CHORD_MS && prefix ? `${prefix} ${key}` : key;
  prefix = "";
  const binding = bindings().find((entry) => entry.key === chord);
  if (binding) {
    if (run(binding.id)) event.preventDefault();
    return;
  }
  if (bindings().some((entry) => entry.key.startsWith(`${key} `))) {
    prefix = key;
    prefixAt = event.timeStamp;
  }
}

addEventListener("keydown", onKey);

/** Offer commands while mounted. `listed`: they do something, so the palette names them. */
export function useCommands(handlers: Handlers, active = true, listed = true): void {
  const layer = useRef(handlers);
  useEffect(() => {
    layer.current = handlers;
  });
  useEffect(() => {
    if (!active) return;
    const entry = { layer, listed };
    stack.push(entry);
    return () => {
      stack.splice(stack.indexOf(entry), 1);
    };
  }, [active, listed]);
}

/** Number keys 1–9 and 0 while mounted, outside fields. They are letters for the off switch too. */
export function useDigits(onDigit: (digit: string) => void, active = true): void {
  const latest = useRef(onDigit);
  useEffect(() => {
    latest.current = onDigit;
  });
  useEffect(() => {
    if (!active) return;
    const listen = (event: KeyboardEvent) => {
      if (event.repeat || event.ctrlKey || event.altKey || event.metaKey || typing(event.target) || lettersOff()) return;
      if (document.querySelector("dialog[open]") !== null) return;
      if (/^\d$/.test(event.key)) {
        event.preventDefault();
        latest.current(event.key);
      }
    };
    addEventListener("keydown", listen);
    return () => removeEventListener("keydown", listen);
  }, [active]);
}
