"""PostgreSQL: READ COMMITTED, row locks, guarded statements; batches travel as one JSON parameter."""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any, Literal

import psycopg
from psycopg.pq import ExecStatus
from psycopg_pool import ConnectionPool
from sqlalchemy import BigInteger, Boolean, Float, Integer, LargeBinary, Table, create_engine, exc
from sqlalchemy.sql import ClauseElement

from handrail.clock import Clock
from handrail.errors import Unavailable, UnsafeStore
from handrail.store.statements import Change, Statement
from handrail.store.tx import Read, Row, Writes, lost_race

CHANNEL = "handrail"
CONNECT_SECONDS = 5
SETTINGS = (
    "SET lock_timeout = '2s'; SET statement_timeout = '10s'; SET idle_in_transaction_session_timeout = '10s';"
    " SET timezone = 'UTC'"
)
# a writer only looks rows up by their keys; a plan made while a table was empty must not scan it once it is large
BY_KEY = "SET enable_seqscan = off; SET enable_hashjoin = off; SET enable_mergejoin = off"
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
        connection.execute(f"{SETTINGS}; {BY_KEY}")
        return connection

    def begin(self, clock: Clock | None, reads: Sequence[Read] = ()) -> tuple[int, list[list[Row]]]:
        try:
            now, found = self._begin(reads)
        except PostgresStore.outages:
            if not (self._db.closed or self._db.broken):
                raise
            # the server went away since the last group; of this one nothing was written yet
            self._db = self._open()
            now, found = self._begin(reads)
        return (now if clock is None else clock.now()), found

    def _begin(self, reads: Sequence[Read]) -> tuple[int, list[list[Row]]]:
        with self._db.pipeline():
            self._db.execute("BEGIN")
            clock = self._db.execute(f"SELECT {NOW}")
            cursors = [self._db.execute(statement.postgres, parameters) for statement, parameters in reads]
        row = clock.fetchone()
        assert row is not None
        return int(row[0]), [cursor.fetchall() for cursor in cursors]

    def commit(self, writes: Sequence[Writes] = ()) -> None:
        with self._db.pipeline():
            self._send(writes)
            self._db.execute(f"NOTIFY {CHANNEL}")
            self._db.execute("COMMIT")

    def rollback(self) -> None:
        if not (self._db.closed or self._db.broken):
            self._db.execute("ROLLBACK")

    def execute(self, statement: Statement, parameters: Mapping[str, Any]) -> list[Row]:
        return _rows(self._db.execute(statement.postgres, parameters))

    def exchange(self, writes: Sequence[Writes], reads: Sequence[Read] = ()) -> list[list[Row]]:
        with self._db.pipeline():
            sent = self._send(writes)
            cursors = [self._db.execute(statement.postgres, parameters) for statement, parameters in reads]
        for (what, rows), cursor in zip(writes, sent, strict=True):
            if isinstance(what, Change) and what.sure and cursor.rowcount != len(rows):
                raise lost_race(what)
        return [_rows(cursor) for cursor in cursors]

    def _send(self, writes: Sequence[Writes]) -> list[psycopg.Cursor[Any]]:
        """Inside a pipeline: each kind of write as one statement."""
        sent = []
        for what, rows in writes:
            if isinstance(what, Statement):
                sent += [self._db.execute(what.postgres, row) for row in rows]
            else:
                sql = _insert_sql(what, tuple(rows[0])) if isinstance(what, Table) else what.postgres
                sent.append(self._db.execute(sql, (_as_json(rows),)))
        return sent

    def insert(self, table: Table, rows: Sequence[Mapping[str, Any]]) -> list[str]:
        if not rows:
            return []
        cursor = self._db.execute(_insert_sql(table, tuple(rows[0]), ignore=True), (_as_json(rows),))
        return [row[0] for row in cursor.fetchall()]

    def idle(self) -> None:
        """Nothing to do: the server keeps its own house."""

    def close(self) -> None:
        self._db.close()


def _rows(cursor: psycopg.Cursor[Any]) -> list[Row]:
    """What a statement returned; nothing where it returns nothing."""
    made = cursor.pgresult
    return cursor.fetchall() if made is not None and made.status == ExecStatus.TUPLES_OK else []


def _as_json(rows: Sequence[Mapping[str, Any]]) -> str:
    """All rows as one parameter, bytes in base64."""
    return json.dumps(rows, ensure_ascii=False, default=_base64)


def _base64(value: bytes) -> str:
    return base64.b64encode(value).decode()


@cache
def _binary(table: Table, columns: tuple[str, ...]) -> frozenset[str]:
    return frozenset(name for name in columns if isinstance(table.c[name].type, LargeBinary))


@cache
def _insert_sql(table: Table, columns: tuple[str, ...], ignore: bool = False) -> str:
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
