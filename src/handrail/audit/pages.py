"""The parts of a bundle that people read: a table for a spreadsheet and a report for a browser."""

from __future__ import annotations

import base64
import csv
import io
from collections import Counter
from collections.abc import Sequence
from html import escape
from typing import Any

from handrail.audit.checkpoint import Checkpoint
from handrail.audit.tree import leaf_hash
from handrail.canonical import parse
from handrail.errors import MalformedJSON

COLUMNS = ("idx", "at", "type", "actor_kind", "actor", "case", "revision", "action", "tier", "result", "id", "leaf")

_STYLE = (
    "body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}"
    "table{border-collapse:collapse}td,th{border:1px solid #999;padding:.2rem .6rem;text-align:left}"
    "code,pre{overflow-wrap:anywhere;white-space:pre-wrap}"
)


def csv_table(entries: Sequence[bytes]) -> bytes:
    """One row an entry. Cells that a spreadsheet would run as a formula are quoted with an apostrophe."""
    out = io.StringIO()
    table = csv.writer(out, quoting=csv.QUOTE_ALL, lineterminator="\r\n")
    table.writerow(COLUMNS)
    for idx, data in enumerate(entries):
        table.writerow([harmless(str(cell)) for cell in _row(idx, data)])
    return out.getvalue().encode("utf-8")


def harmless(cell: str) -> str:
    """The cell, with an apostrophe before anything a spreadsheet could take for a formula."""
    return "'" + cell if cell.lstrip(" ").startswith(("=", "+", "-", "@", "\t", "\r", "\n")) else cell


def _read(data: bytes) -> dict[str, Any]:
    try:
        entry = parse(data)
    except MalformedJSON:
        return {}
    return entry if isinstance(entry, dict) else {}


def _part(entry: dict[str, Any], name: str, key: str) -> Any:
    part = entry.get(name)
    return part.get(key, "") if isinstance(part, dict) else ""


def _row(idx: int, data: bytes) -> list[Any]:
    entry = _read(data)
    return [
        idx,
        entry.get("at", ""),
        entry.get("type", ""),
        _part(entry, "actor", "kind"),
        _part(entry, "actor", "pid"),
        _part(entry, "case", "id"),
        _part(entry, "case", "rev"),
        _part(entry, "action", "name"),
        entry.get("tier", ""),
        entry.get("result", ""),
        entry.get("id", ""),
        leaf_hash(data).hex(),
    ]


def html_report(newest: Checkpoint, entries: Sequence[bytes]) -> bytes:
    """What the log holds, in numbers, and how to check it. No scripts, nothing loaded from elsewhere."""
    read = [_read(data) for data in entries]
    times = [str(entry["at"]) for entry in read if "at" in entry]
    tables = [
        _counts("Entries by type", (str(entry.get("type", "unreadable")) for entry in read)),
        _counts("Decisions", (f"{one.get('tier', '')} {one.get('result')}" for one in _of(read, "decision.made"))),
        _counts("Reviews by person", (str(_part(one, "actor", "pid")) for one in _of(read, "review.given"))),
        _counts("Executions", (str(one.get("result")) for one in _of(read, "execution.finished"))),
    ]
    return (
        "<!doctype html>\n<html lang=en><meta charset=utf-8><title>handrail: auditor's report</title>"
        f"<style>{_STYLE}</style>\n<h1>Auditor's report</h1>\n"
        f"<p>Log <code>{escape(newest.origin)}</code>, {newest.size} entries, "
        f"{escape(times[0] if times else 'none')} to {escape(times[-1] if times else 'none')}.</p>\n"
        f"<p>Root <code>{base64.b64encode(newest.root).decode()}</code></p>\n" + "".join(tables) + _HOW
    ).encode("utf-8", "backslashreplace")


_HOW = """<h2>How to check this bundle</h2>
<p>This page proves nothing by itself. Get <code>verify.py</code> from a source you trust, not from this bundle,
and the log's key or a trust file from somebody other than who gave you the bundle. Then:</p>
<pre>python3 verify.py BUNDLE --trust TRUST [--against CHECKPOINT] [--receipt RECEIPT]</pre>
<p>It needs Python 3.11 and the package cryptography. It ends with 0: all held and the trust asked for was met;
1: tampered with; 2: cannot be judged; 3: consistent, but not vouched for by whom you trust.</p>
<p>What no log can show: a lie written when it happened, and what comes after the last checkpoint that somebody
else holds.</p>
</html>
"""


def _of(entries: Sequence[dict[str, Any]], type: str) -> list[dict[str, Any]]:
    return [entry for entry in entries if entry.get("type") == type]


def _counts(title: str, values: Any) -> str:
    counted = sorted(Counter(values).items())
    rows = "".join(f"<tr><td>{escape(name)}<td>{count}" for name, count in counted)
    return f"<h2>{escape(title)}</h2>\n<table><tr><th>what<th>how many{rows}</table>\n"
