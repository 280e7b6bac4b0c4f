/** A unified diff as lines with numbers. Reads patches of any tool; understands nothing it need not. */
import { createTwoFilesPatch } from "diff";
import { useMemo } from "react";
import { Revealed } from "../marks/revealed";
import { useState } from "react";
import { useReport } from "../marks/reading";
import { t } from "../words";

interface Line {
  kind: "add" | "remove" | "same" | "hunk" | "file";
  text: string;
  old: number | null;
  new: number | null;
}

const SHOWN = 400;

export function readPatch(patch: string): Line[] {
  let oldLine = 0;
  let newLine = 0;
  let inHunk = false;
  return patch.replace(/\n$/, "").split("\n").map((text): Line => {
    const hunk = /^@@ -(\d+)(?:,\d+)? \+(\d+)/.exec(text);
    if (hunk) {
      inHunk = true;
      oldLine = Number(hunk[1]);
      newLine = Number(hunk[2]);
      return { kind: "hunk", text, old: null, new: null };
    }
    if (/^(diff |index |Index: |===|new file|deleted file|rename |similarity )/.test(text) || (/^(---|\+\+\+) /.test(text) && (!inHunk || text.startsWith("--- a/") || text.startsWith("+++ b/")))) {
      return { kind: "file", text, old: null, new: null };
    }
    if (text.startsWith("+")) return { kind: "add", text: text.slice(1), old: null, new: newLine++ };
    if (text.startsWith("-")) return { kind: "remove", text: text.slice(1), old: oldLine++, new: null };
    return { kind: "same", text: text.replace(/^ /, ""), old: oldLine++, new: newLine++ };
  });
}

export const patchOf = (before: string, after: string): string =>
  createTwoFilesPatch("before", "after", before, after, "", "", { context: 3 }).replace(/^=+\n/, "");

const SIGN = { add: "+", remove: "−", same: " ", hunk: "", file: "" };

export function UnifiedDiff({ patch, name }: { patch: string; name: string }) {
  const lines = useMemo(() => readPatch(patch), [patch]);
  const [shown, setShown] = useState(SHOWN);
  const rest = lines.length - shown;
  useReport(`patch ${name}`, "rest", name, rest > 0);
  return (
    <div className="unified" role="region" aria-label={name} tabIndex={0}>
      <table>
        <tbody>
          {lines.slice(0, shown).map((line, i) => (
            <tr key={i} className={`line ${line.kind}`}>
              <td className="number">{line.old}</td>
              <td className="number">{line.new}</td>
              <td className="sign">{SIGN[line.kind]}</td>
              <td className="code"><Revealed text={line.text} /></td>
            </tr>
          ))}
        </tbody>
      </table>
      {rest > 0 && (
        <button type="button" className="small" onClick={() => setShown((n) => n + 2_000)}>
          {t.long.next} <span className="unread">+{rest}</span>
        </button>
      )}
    </div>
  );
}
