"""PostgreSQL: READ COMMITTED, row locks, guarded statements; batches travel as one JSON parameter."""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any, Literal

import psycopg
from psycopg_pool import ConnectionPool
from sqlalchemy import BigInteger, Boolean, Float, Integer, LargeBinary, Table, create_engine, exc
from sqlalchemy.sql import ClauseElement

from handrail.clock import Clock
from handrail.errors import Unavailable, UnsafeStore
from handrail.store.statements import Statement
from handrail.store.tx import Row

CHANNEL = "handrail"
CONNECT_SECONDS = 5
SETTINGS = (
    "SET lock_timeout = '2s'; SET statement_timeout = '10s'; SET idle_in_transaction_session_timeout = '10s';"
    " SET timezone = 'UTC'"
)
NOW = "(extract(epoch FROM clock_timestamp()) * 1000000)::bigint"


class PostgresStore:
    """One PostgreSQL database. Raises `UnsafeStore` when fsync, full_page_writes or synchronous_commit is off."""

    engine: Literal["postgres"] = "postgres"
    outages = (psycopg.OperationalError, psycopg.InterfaceError)

    def __init__(self, url: str, *, allow_unsafe: bool = False):
        self.url = url
        self._dsn = url.replace("postgresql+psycopg://", "postgresql://")
        if not allow_unsafe:
            self._refuse_unsafe()
        self._pool = ConnectionPool(
            self._dsn, min_size=1, max_size=8, kwargs={"autocommit": True, "connect_timeout": CONNECT_SECONDS},
            timeout=CONNECT_SECONDS, open=True,
        )  # fmt: skip
        self._engine = create_engine(
            "postgresql+psycopg://", creator=lambda: psycopg.connect(self._dsn, connect_timeout=CONNECT_SECONDS),
            pool_size=4, pool_pre_ping=True,
        )  # fmt: skip

    def _refuse_unsafe(self) -> None:
        with psycopg.connect(self._dsn, autocommit=True) as connection:
            for setting in ("fsync", "full_page_writes", "synchronous_commit"):
                row = connection.execute(f"SHOW {setting}").fetchone()
                if row is not None and row[0] == "off":
                    raise UnsafeStore(
                        f"PostgreSQL runs with {setting} = off: acknowledged work can be lost",
                        remedy=f"Set {setting} = on, or accept the risk in so many words with allow_unsafe=True.",
                    )

    def connect(self) -> PostgresConnection:
        return PostgresConnection(self._dsn)

    def read(self, query: ClauseElement) -> list[Any]:
        try:
            with self._engine.connect() as connection:
                return list(connection.execute(query).all())  # type: ignore[call-overload]
        except (exc.OperationalError, exc.InterfaceError) as error:
            raise Unavailable(f"the database cannot be read now: {error.orig}") from error

    def read_hot(self, statement: Statement, **parameters: Any) -> list[Row]:
        try:
            try:
                return self._read_hot(statement, parameters)
            except self.outages:
                # the server may only have been restarted: throw dead connections out and look once more
                self._pool.check()
                return self._read_hot(statement, parameters)
        except self.outages as error:
            raise Unavailable(f"the database cannot be read now: {error}") from error

    def _read_hot(self, statement: Statement, parameters: Mapping[str, Any]) -> list[Row]:
        with self._pool.connection() as connection:
            return connection.execute(statement.postgres, parameters).fetchall()

    def watch(self, changed: Callable[[], None]) -> Callable[[], None]:
        """LISTENs on one connection; reconnects after an outage, and then hints once in case it missed some."""
        stop = threading.Event()

        def listen() -> None:
            while not stop.is_set():
                try:
                    with psycopg.connect(self._dsn, autocommit=True, connect_timeout=CONNECT_SECONDS) as connection:
                        connection.execute(f"LISTEN {CHANNEL}")
                        changed()
                        while not stop.is_set():
                            for _ in connection.notifies(timeout=0.5, stop_after=1):
                                changed()
                except (psycopg.Error, Unavailable):
                    stop.wait(0.5)

        thread = threading.Thread(target=listen, name="handrail-listen", daemon=True)
        thread.start()

        def end() -> None:
            stop.set()
            thread.join()

        return end

    def close(self) -> None:
        self._pool.close()
        self._engine.dispose()


class PostgresConnection:
    """One writer's connection; reconnects by itself after an outage."""

    engine: Literal["postgres"] = "postgres"

    def __init__(self, dsn: str):
        self._dsn = dsn
        self._db = self._open()

    def _open(self) -> psycopg.Connection[Any]:
        connection = psycopg.connect(self._dsn, autocommit=True, prepare_threshold=2, connect_timeout=CONNECT_SECONDS)
        connection.prepared_max = 200
        connection.execute(SETTINGS)
        return connection

    def begin(self, clock: Clock | None) -> int:
        try:
            now = self._begin()
        except PostgresStore.outages:
            if not (self._db.closed or self._db.broken):
                raise
            # the server went away since the last group; of this one nothing was written yet
            self._db = self._open()
            now = self._begin()
        return now if clock is None else clock.now()

    def _begin(self) -> int:
        cursor = self._db.execute(f"BEGIN; SELECT {NOW}")
        cursor.nextset()
        row = cursor.fetchone()
        assert row is not None
        return int(row[0])

    def commit(self) -> None:
        self._db.execute(f"NOTIFY {CHANNEL}; COMMIT")

    def rollback(self) -> None:
        if not (self._db.closed or self._db.broken):
            self._db.execute("ROLLBACK")

    def execute(self, statement: Statement, parameters: Mapping[str, Any]) -> list[Row]:
        cursor = self._db.execute(statement.postgres, parameters)
        return cursor.fetchall() if cursor.description else []

    def insert(self, table: Table, rows: Sequence[Mapping[str, Any]], *, ignore: bool = False) -> list[str]:
        if not rows:
            return []
        columns = tuple(rows[0])
        binary = _binary(table, columns)
        if binary:
            rows = [
                {k: base64.b64encode(v).decode() if v is not None and k in binary else v for k, v in row.items()}
                for row in rows
            ]
        cursor = self._db.execute(_insert_sql(table, columns, ignore), (json.dumps(rows, ensure_ascii=False),))
        return [row[0] for row in cursor.fetchall()] if ignore else []

    def idle(self) -> None:
        """Nothing to do: the server keeps its own house."""

    def close(self) -> None:
        self._db.close()


@cache
def _binary(table: Table, columns: tuple[str, ...]) -> frozenset[str]:
    return frozenset(name for name in columns if isinstance(table.c[name].type, LargeBinary))


@cache
def _insert_sql(table: Table, columns: tuple[str, ...], ignore: bool) -> str:
    binary = _binary(table, columns)
    names = ", ".join(f'"{name}"' for name in columns)
    picked = ", ".join(f"decode(x.\"{name}\", 'base64')" if name in binary else f'x."{name}"' for name in columns)
    typed = ", ".join(f'"{name}" {_recordset_type(table, name)}' for name in columns)
    first = next(iter(table.primary_key)).name
    ending = f' ON CONFLICT DO NOTHING RETURNING "{first}"' if ignore else ""
    return (
        f'INSERT INTO "{table.name}" ({names}) SELECT {picked} FROM jsonb_to_recordset(%s::jsonb) AS x({typed}){ending}'
    )


def _recordset_type(table: Table, name: str) -> str:
    kind = table.c[name].type
    if isinstance(kind, BigInteger):
        return "bigint"
    if isinstance(kind, Integer):
        return "integer"
    if isinstance(kind, Boolean):
        return "boolean"
    if isinstance(kind, Float):
        return "double precision"
    return "text"
