"""Open a database by its URL or path."""

from __future__ import annotations

import importlib
from pathlib import Path

from handrail.errors import InvalidInput
from handrail.store.engine import Store
from handrail.store.sqlite import SQLiteStore


def open_store(url: str | Path, *, allow_unsafe: bool = False) -> Store:
    """A store for `postgresql://…`, `sqlite:///path` or a plain path. Raises `UnsafeStore`, `InvalidInput`."""
    text = str(url)
    if text.startswith(("postgresql://", "postgres://", "postgresql+psycopg://")):
        try:
            # psycopg comes with an extra; SQLite users do not have it
            postgres = importlib.import_module("handrail.store.postgres")
        except ModuleNotFoundError as error:
            raise InvalidInput(f"PostgreSQL needs {error.name}", remedy="pip install 'handrail[postgres]'") from None
        store: Store = postgres.PostgresStore(text, allow_unsafe=allow_unsafe)
        return store
    if "://" in text and not text.startswith("sqlite://"):
        raise InvalidInput(
            f"unknown database {text.partition('://')[0]!r}", remedy="Use a path, sqlite:/// or postgresql://."
        )
    path = Path(text.removeprefix("sqlite:///") if text.startswith("sqlite://") else text)
    if not path.parent.is_dir():
        raise InvalidInput(f"there is no folder {path.parent}", remedy="Create it, or name a database elsewhere.")
    return SQLiteStore(path, allow_unsafe=allow_unsafe)
