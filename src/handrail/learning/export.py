"""Labels and preferences as JSONL, CSV or Parquet. Nothing is written here: bytes come out, the caller puts them
away.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import fields
from typing import Any, Literal

from handrail.clock import iso
from handrail.errors import InvalidInput
from handrail.label import Label
from handrail.learning.parquet import ColumnType, parquet_bytes
from handrail.learning.preferences import Preference

Format = Literal["jsonl", "csv", "parquet"]
FORMATS: tuple[Format, ...] = ("jsonl", "csv", "parquet")

_SPECIAL: dict[str, ColumnType] = {
    **dict.fromkeys(("input", "predicted", "answer", "scores", "fused", "prompt", "chosen", "rejected"), "json"),
    **dict.fromkeys(("correct", "blind"), "flag"),
    **dict.fromkeys(("confidence", "inclusion", "margin"), "number"),
    "reviewers": "texts",
}
LABEL_COLUMNS: dict[str, ColumnType] = {f.name: _SPECIAL.get(f.name, "text") for f in fields(Label)}
PREFERENCE_COLUMNS: dict[str, ColumnType] = {f.name: _SPECIAL.get(f.name, "text") for f in fields(Preference)}

# a spreadsheet runs a cell that starts like this as a formula (OWASP, CSV injection)
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


def label_row(label: Label) -> dict[str, Any]:
    """One label as plain JSON; times as RFC 3339."""
    return {**{name: getattr(label, name) for name in LABEL_COLUMNS}, "made_at": iso(label.made_at)}


def preference_row(preference: Preference) -> dict[str, Any]:
    """One preference as plain JSON."""
    row = {name: getattr(preference, name) for name in PREFERENCE_COLUMNS}
    return {**row, "reviewers": list(preference.reviewers)}


def render(rows: Iterable[Mapping[str, Any]], columns: Mapping[str, ColumnType], format: Format) -> Iterator[bytes]:
    """The file in pieces. JSONL and CSV stream a row at a time; Parquet gathers all rows first and needs pyarrow."""
    if format == "jsonl":
        return _jsonl(rows)
    if format == "csv":
        return _csv(rows, columns)
    if format == "parquet":
        return iter([parquet_bytes(list(rows), columns)])
    raise InvalidInput(f"no export format is called {format!r}", remedy=f"Choose {', '.join(FORMATS)}.")


def _jsonl(rows: Iterable[Mapping[str, Any]]) -> Iterator[bytes]:
    for row in rows:
        yield json.dumps(row, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode() + b"\n"


def _csv(rows: Iterable[Mapping[str, Any]], columns: Mapping[str, ColumnType]) -> Iterator[bytes]:
    """RFC 4180 with a header; objects and arrays as JSON text.

    A text cell that a spreadsheet would run as a formula gets a leading apostrophe; use JSONL where text must not
    change.
    """
    yield _line(list(columns))
    for row in rows:
        yield _line([_cell(row.get(name)) for name in columns])


def _line(cells: list[str]) -> bytes:
    out = io.StringIO()
    csv.writer(out, lineterminator="\r\n").writerow(cells)
    return out.getvalue().encode()


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return repr(value)
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, sort_keys=True)
    # leading blanks do not keep a spreadsheet from seeing a formula
    return "'" + text if text.lstrip(" ").startswith(_FORMULA) else text
