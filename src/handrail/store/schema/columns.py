"""What all tables share: kinds of columns, conditions, and the collection they belong to."""

from __future__ import annotations

from typing import Any

from sqlalchemy import BigInteger, MetaData, String, text

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "pk": "pk_%(table_name)s",
    }
)

# ids compare by bytes on both engines
Id = String(64)
Name = String(256)
Time = BigInteger


def where(condition: str) -> dict[str, Any]:
    """A partial index, on both engines."""
    return {"sqlite_where": text(condition), "postgresql_where": text(condition)}


def one_of(column: str, *values: str) -> str:
    """The condition that a column holds one of these."""
    return f"{column} IN ({', '.join(repr(v) for v in values)})"
