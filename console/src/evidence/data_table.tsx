/** Rows and columns; numbers to the right. */
import { useState } from "react";
import type { Json } from "../api/wire";
import { compact, isObject } from "../marks/json";
import { Revealed } from "../marks/revealed";
import { useReport } from "../marks/reading";
import { t } from "../words";

const SHOWN = 50;

/** Reads {columns, rows} or a list of objects or a list of lists; null when it is neither. */
export function readTable(content: Json): { columns: string[]; rows: Json[][] } | null {
  if (isObject(content) && Array.isArray(content.rows)) {
    const rows = content.rows;
    const columns = Array.isArray(content.columns) ? content.columns.map(compact) : [];
    if (rows.every(isObject)) return fromObjects(rows, columns);
    if (rows.every(Array.isArray)) return { columns, rows: rows as Json[][] };
    return null;
  }
  if (!Array.isArray(content) || content.length === 0) return null;
  if (content.every(isObject)) return fromObjects(content, []);
  return content.every(Array.isArray) ? { columns: [], rows: content as Json[][] } : null;
}

function fromObjects(rows: { [key: string]: Json }[], given: string[]) {
  const columns = given.length ? given : [...new Set(rows.flatMap((row) => Object.keys(row)))];
  return { columns, rows: rows.map((row) => columns.map((column) => row[column] ?? null)) };
}

export function DataTable({ content, name }: { content: Json; name: string }) {
  const [shown, setShown] = useState(SHOWN);
  const table = readTable(content);
  const rest = (table?.rows.length ?? 0) - shown;
  useReport(`table ${name}`, "rest", name, rest > 0);
  if (!table) return null;
  return (
    <div className="scroll-x" role="region" aria-label={name} tabIndex={0}>
      <table className="data">
        {table.columns.length > 0 && (
          <thead>
            <tr>{table.columns.map((column, i) => column.trim() === "" ? <td key={i} /> : <th key={i} scope="col" className={typeof table.rows[0]?.[i] === "number" ? "numeric" : ""}><Revealed text={column} /></th>)}</tr>
          </thead>
        )}
        <tbody>
          {table.rows.slice(0, shown).map((row, i) => (
            <tr key={i}>
              {row.map((cell, j) => <td key={j} className={typeof cell === "number" ? "numeric" : ""}>{cell === null ? "" : <Revealed text={compact(cell)} />}</td>)}
            </tr>
          ))}
        </tbody>
      </table>
      {rest > 0 && <button type="button" className="small" onClick={() => setShown((n) => n + 500)}>{t.long.next} <span className="unread">+{rest}</span></button>}
    </div>
  );
}
