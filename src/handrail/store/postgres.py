"""PostgreSQL: READ COMMITTED, row locks, guarded statements; batches travel as one JSON parameter."""

from __future__ import annotations

import base64
import threading
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any, Literal

import orjson
import psycopg
from sqlalchemy import BigInteger, Boolean, Float, Integer, LargeBinary, Table, create_engine, exc
from sqlalchemy.sql import ClauseElement

from handrail.clock import Clock
from handrail.errors import Unavailable, UnsafeStore
from handrail.store.statements import Change, Statement
from handrail.store.tx import Read, Row, Writes, lost_race
from handrail.store.wire import Asked, Wire

CHANNEL = "handrail"
CONNECT_SECONDS = 5
MOST_READERS = 8
SETTINGS = (
    "SET lock_timeout = '2s'; SET statement_timeout = '10s'; SET idle_in_transaction_session_timeout = '10s';"
    " SET timezone = 'UTC'; SET client_encoding = 'UTF8'"
)
# a writer only looks rows up by their keys; a plan made while a table was empty must not scan it once it is large
BY_KEY = "SET enable_seqscan = off; SET enable_hashjoin = off; SET enable_mergejoin = off"
# statements are few and look by keys: planned when first used, not at each use; never compiled, which takes longer
PLANNED_ONCE = "SET plan_cache_mode = force_generic_plan; SET jit = off"
# acknowledged work is on disk, whatever the server's default becomes while this connection is open
DURABLE = (
    "SELECT set_config('synchronous_commit', CASE found WHEN 'off' THEN 'on' ELSE found END, false)"
    " FROM current_setting('synchronous_commit') AS found"
)
NOW = "(extract(epoch FROM clock_timestamp()) * 1000000)::bigint"


class PostgresStore:
    """One PostgreSQL database. Raises `UnsafeStore` when fsync, full_page_writes or synchronous_commit is off."""

    engine: Literal["postgres"] = "postgres"
    outages = (psycopg.OperationalError, psycopg.InterfaceError)

    def __init__(self, url: str, *, allow_unsafe: bool = False):
        self.url = url
        self._dsn = url.replace("postgresql+psycopg://", "postgresql://")
        self._allow_unsafe = allow_unsafe
        if not allow_unsafe:
            with psycopg.connect(self._dsn, autocommit=True) as connection:
                _refuse_unsafe(connection, "fsync", "full_page_writes", "synchronous_commit")
        self._readers = Readers(self._dsn)
        self._engine = create_engine(
            "postgresql+psycopg://", creator=lambda: psycopg.connect(self._dsn, connect_timeout=CONNECT_SECONDS),
            pool_size=4, pool_pre_ping=True,
        )  # fmt: skip

    def connect(self) -> PostgresConnection:
        return PostgresConnection(self._dsn, allow_unsafe=self._allow_unsafe)

    def read(self, query: ClauseElement) -> list[Any]:
        try:
            with self._engine.connect() as connection:
                return list(connection.execute(query).all())  # type: ignore[call-overload]
        except (exc.OperationalError, exc.InterfaceError) as error:
            raise Unavailable(f"the database cannot be read now: {error.orig}") from error

    def read_hot(self, statement: Statement, **parameters: Any) -> list[Row]:
        try:
            return self._readers.read((statement.postgres, parameters))
        except self.outages as error:
            raise Unavailable(f"the database cannot be read now: {error}") from error

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
        self._readers.close()
        self._engine.dispose()


class Readers:
    """The connections that look, each for one thread at a time; made when needed, at most `MOST_READERS`."""

    def __init__(self, dsn: str):
        self._dsn = dsn
        self._idle: list[Wire] = []
        self._seats = threading.BoundedSemaphore(MOST_READERS)
        self._closed = False

    def read(self, asked: Asked) -> list[Row]:
        """One look. Raises what `outages` names, also when no connection is free in time."""
        if not self._seats.acquire(timeout=CONNECT_SECONDS):
            raise psycopg.OperationalError(f"none of {MOST_READERS} connections was free in {CONNECT_SECONDS} seconds")
        try:
            wire = self._wire()
            try:
                return self._look(wire, asked)
            except PostgresStore.outages:
                if not wire.dead:
                    raise
            # the server may only have been restarted: look once more, over connections of now
            self._hang_up()
            return self._look(self._wire(), asked)
        finally:
            self._seats.release()

    def _wire(self) -> Wire:
        try:
            return self._idle.pop()
        except IndexError:
            return Wire(psycopg.connect(self._dsn, autocommit=True, connect_timeout=CONNECT_SECONDS))

    def _look(self, wire: Wire, asked: Asked) -> list[Row]:
        try:
            return wire.trip([asked])[0].rows
        finally:
            if self._closed:
                wire.close()
            elif not wire.dead:
                self._idle.append(wire)

    def _hang_up(self) -> None:
        while self._idle:
            self._idle.pop().close()

    def close(self) -> None:
        self._closed = True
        self._hang_up()


class PostgresConnection:
    """One writer's connection; reconnects by itself after an outage.

    Unless `allow_unsafe`, it commits synchronously whatever the server's default, and raises `UnsafeStore` where
    the server it finds runs with fsync or full_page_writes off.
    """

    engine: Literal["postgres"] = "postgres"

    def __init__(self, dsn: str, *, allow_unsafe: bool = False):
        self._dsn = dsn
        self._allow_unsafe = allow_unsafe
        self._wire = self._open()

    def _open(self) -> Wire:
        connection = psycopg.connect(self._dsn, autocommit=True, connect_timeout=CONNECT_SECONDS)
        try:
            connection.execute(f"{SETTINGS}; {PLANNED_ONCE}; {BY_KEY}")
            if not self._allow_unsafe:
                _refuse_unsafe(connection, "fsync", "full_page_writes")
                connection.execute(DURABLE)
        except BaseException:
            connection.close()
            raise
        return Wire(connection)

    def begin(self, clock: Clock | None, reads: Sequence[Read] = ()) -> tuple[int, list[list[Row]]]:
        try:
            now, found = self._begin(reads)
        except PostgresStore.outages:
            if not self._wire.dead:
                raise
            # the server went away since the last group; of this one nothing was written yet
            self._wire = self._open()
            now, found = self._begin(reads)
        return (now if clock is None else clock.now()), found

    def _begin(self, reads: Sequence[Read]) -> tuple[int, list[list[Row]]]:
        _, clock, *found = self._wire.trip([("BEGIN", {}), (f"SELECT {NOW}", {}), *_asked(reads)])
        return int(clock.rows[0][0]), [answer.rows for answer in found]

    def commit(self, writes: Sequence[Writes] = ()) -> None:
        self._wire.trip([each for what in writes for each in _sent(what)] + [(f"NOTIFY {CHANNEL}", {}), ("COMMIT", {})])

    def rollback(self) -> None:
        if not self._wire.dead:
            self._wire.trip([("ROLLBACK", {})])

    def execute(self, statement: Statement, parameters: Mapping[str, Any]) -> list[Row]:
        return self._wire.trip([(statement.postgres, parameters)])[0].rows

    def exchange(self, writes: Sequence[Writes], reads: Sequence[Read] = ()) -> list[list[Row]]:
        sent = [(what, each) for what in writes for each in _sent(what)]
        answers = self._wire.trip([each for _, each in sent] + _asked(reads))
        for ((what, rows), _), answer in zip(sent, answers, strict=False):
            if isinstance(what, Change) and what.sure and answer.changed != len(rows):
                raise lost_race(what)
        return [answer.rows for answer in answers[len(sent) :]]

    def insert(self, table: Table, rows: Sequence[Mapping[str, Any]]) -> list[str]:
        if not rows:
            return []
        sql = _insert_sql(table, tuple(rows[0]), ignore=True)
        return [row[0] for row in self._wire.trip([(sql, {"rows": _as_json(rows)})])[0].rows]

    def idle(self) -> None:
        """Nothing to do: the server keeps its own house."""

    def close(self) -> None:
        self._wire.close()


def _refuse_unsafe(connection: psycopg.Connection[Any], *settings: str) -> None:
    for setting in settings:
        row = connection.execute(f"SHOW {setting}").fetchone()
        if row is not None and row[0] == "off":
            raise UnsafeStore(
                f"PostgreSQL runs with {setting} = off: acknowledged work can be lost",
                remedy=f"Set {setting} = on, or accept the risk in so many words with allow_unsafe=True.",
            )


def _asked(reads: Sequence[Read]) -> list[Asked]:
    return [(statement.postgres, parameters) for statement, parameters in reads]


def _sent(writes: Writes) -> list[Asked]:
    """Each kind of write as one statement."""
    what, rows = writes
    if isinstance(what, Statement):
        return [(what.postgres, row) for row in rows]
    if len(rows) == 1:
        return [(_insert_one_sql(what, tuple(rows[0])) if isinstance(what, Table) else what.postgres_one, rows[0])]
    sql = _insert_sql(what, tuple(rows[0])) if isinstance(what, Table) else what.postgres
    return [(sql, {"rows": _as_json(rows)})]


def _as_json(rows: Sequence[Mapping[str, Any]]) -> str:
    """All rows as one parameter, bytes in base64."""
    return orjson.dumps(rows, default=_base64).decode()


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
    rows = f"jsonb_to_recordset(%(rows)s::jsonb) AS x({typed})"
    return f'INSERT INTO "{table.name}" ({names}) SELECT {picked} FROM {rows}{_ending(table, ignore)}'


@cache
def _insert_one_sql(table: Table, columns: tuple[str, ...], ignore: bool = False) -> str:
    names = ", ".join(f'"{name}"' for name in columns)
    values = ", ".join(f"%({name})s" for name in columns)
    return f'INSERT INTO "{table.name}" ({names}) VALUES ({values}){_ending(table, ignore)}'


def _ending(table: Table, ignore: bool) -> str:
    first = next(iter(table.primary_key)).name
    return f' ON CONFLICT DO NOTHING RETURNING "{first}"' if ignore else ""


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
