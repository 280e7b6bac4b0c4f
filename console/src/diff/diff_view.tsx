/** What changes, three ways: words, fields, unified. `d` goes through them. */
import { useState } from "react";
import type { Json } from "../api/wire";
import { useCommands } from "../keys/keymap";
import { isObject, pretty } from "../marks/json";
import { Revealed } from "../marks/revealed";
import { Hint } from "../ui/hint";
import { t } from "../words";
import { fieldChanges } from "./fields";
import { UnifiedDiff, patchOf } from "./unified";
import { WordDiff } from "./word_diff";

export type Mode = "words" | "fields" | "unified";
const MODES: Mode[] = ["fields", "words", "unified"];

/** JSON by fields, long text by lines, short text by words. */
export function usualMode(before: Json, after: Json): Mode {
  if (isObject(before) || isObject(after)) return "fields";
  return typeof after === "string" && after.split("\n").length > 8 ? "unified" : "words";
}

export function DiffView({ before, after, name }: { before: Json; after: Json; name: string }) {
  const [mode, setMode] = useState<Mode>(() => usualMode(before, after));
  useCommands({ diff: () => setMode((now) => MODES[(MODES.indexOf(now) + 1) % MODES.length] ?? "fields") });
  return (
    <div className="diff">
      <div className="segments" role="group" aria-label={t.context.mode}>
        {MODES.map((each) => (
          <button key={each} type="button" className="segment" aria-pressed={mode === each} onClick={() => setMode(each)}>
            {t.context.modes[each]}
          </button>
        ))}
        <Hint of="diff" />
      </div>
      {mode === "fields" && <FieldDiff before={before} after={after} />}
      {mode === "words" && <WordDiff before={pretty(before)} after={pretty(after)} />}
      {mode === "unified" && <UnifiedDiff patch={patchOf(pretty(before), pretty(after))} name={name} />}
    </div>
  );
}

function FieldDiff({ before, after }: { before: Json; after: Json }) {
  const changes = fieldChanges(before, after);
  if (changes.every((change) => !change.changed)) return <p className="quiet">{t.context.same}</p>;
  return (
    <dl className="fields">
      {changes.map((change) => (
        <div key={change.path} className={change.changed ? "field-row changed" : "field-row"}>
          <dt>{change.path}</dt>
          <dd>{change.changed ? <Change before={change.before} after={change.after} /> : <Shown value={change.after} />}</dd>
        </div>
      ))}
    </dl>
  );
}

function Change({ before, after }: { before: Json | undefined; after: Json | undefined }) {
  if (typeof before === "string" && typeof after === "string" && before.length > 24) return <WordDiff before={before} after={after} />;
  return (
    <>
      {before !== undefined && <del><Shown value={before} /></del>} {before !== undefined && after !== undefined && <span className="quiet">→</span>}{" "}
      {after !== undefined && <ins><Shown value={after} /></ins>}
    </>
  );
}

function Shown({ value }: { value: Json | undefined }) {
  if (value === undefined) return null;
  const text = pretty(value);
  return typeof value === "string" ? <Revealed text={text} /> : <code><Revealed text={text} /></code>;
}
