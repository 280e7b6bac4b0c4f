"""Rows to Parquet. The only module that imports pyarrow; `handrail[parquet]` brings it."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping, Sequence
from typing import Any, Literal

from handrail.errors import Unavailable

try:
    import pyarrow as pa
    import pyarrow.parquet as pq
except ImportError:
    pa = pq = None

ColumnType = Literal["text", "json", "flag", "number", "texts"]


def parquet_bytes(rows: Sequence[Mapping[str, Any]], columns: Mapping[str, ColumnType]) -> bytes:
    """A Parquet file with exactly these columns, of the same types whatever the rows hold.

    `json` columns hold JSON text, so that 1 and "1" stay apart. Raises `Unavailable` without pyarrow.
    """
    if pa is None:
        raise Unavailable(
            "Parquet needs pyarrow, which is not installed",
            remedy="Install it with `pip install 'handrail[parquet]'`, or export JSONL or CSV.",
        )
    types = {
        "text": pa.string(),
        "json": pa.string(),
        "flag": pa.bool_(),
        "number": pa.float64(),
        "texts": pa.list_(pa.string()),
    }
    table = pa.table(
        {
            name: pa.array([_value(row.get(name), kind) for row in rows], type=types[kind])
            for name, kind in columns.items()
        }
    )
    out = io.BytesIO()
    pq.write_table(table, out, compression="zstd")
    return out.getvalue()


def _value(value: Any, kind: ColumnType) -> Any:
    if value is None or kind in {"flag", "texts"}:
        return value
    if kind == "json":
        return json.dumps(value, ensure_ascii=False, sort_keys=True, allow_nan=False)
    return float(value) if kind == "number" else str(value)
