"""The wire to PostgreSQL: what is asked together goes as one write and is awaited once.

psycopg connects, and loads rows. Its own pipeline flushes and looks for answers after each statement, which wakes both
sides that often; here the connection stays in libpq's pipeline mode, and each statement is prepared when first used.
"""

from __future__ import annotations

import re
import selectors
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any, NamedTuple

import psycopg
from psycopg.adapt import Transformer
from psycopg.errors import error_from_result
from psycopg.pq import ConnStatus, ExecStatus
from psycopg.pq.abc import PGresult

from handrail.store.tx import Row

_NAMED = re.compile(r"%\((\w+)\)s")
_TEXT, _BINARY = 0, 1
Asked = tuple[str, Mapping[str, Any]]
"""A statement in psycopg's form, and its parameters by name."""


class Answer(NamedTuple):
    """What a statement returned, and how many rows it changed."""

    rows: list[Row]
    changed: int


class Wire:
    """One connection, for one thread."""

    def __init__(self, db: psycopg.Connection[Any]):
        self.db = db
        self._pg = db.pgconn
        self._pg.enter_pipeline_mode()
        self._loader = Transformer(db)
        self._prepared: dict[bytes, bytes] = {}
        self._made = 0
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._pg.socket, selectors.EVENT_READ)

    @property
    def dead(self) -> bool:
        """Whether nothing can be sent any more."""
        return self._pg.status != ConnStatus.OK

    def trip(self, asked: Sequence[Asked]) -> list[Answer]:
        """Run statements in order. Raises what the first that fails says; those behind it are not run."""
        ready = [_dumped(sql, parameters) for sql, parameters in asked]
        try:
            first, results = self._exchange(ready)
        except BaseException:
            # half sent or half read: nobody knows what the next answer would belong to
            self.close()
            raise
        for result in results:
            if result.status == ExecStatus.FATAL_ERROR:
                raise error_from_result(result)
        answers = []
        for at, result in enumerate(results):
            if at in first:
                self._prepared[first[at][0]] = first[at][1]
            else:
                answers.append(self._loaded(result))
        return answers

    def close(self) -> None:
        """Hang up; the server rolls back what was not committed."""
        self._selector.close()
        self.db.close()

    def _exchange(
        self, ready: Sequence[tuple[bytes, list[bytes | None], list[int]]]
    ) -> tuple[dict[int, tuple[bytes, bytes]], list[PGresult]]:
        """All results in order, and which of them belong to preparing what statement under what name."""
        first: dict[int, tuple[bytes, bytes]] = {}
        fresh: dict[bytes, bytes] = {}
        sent = 0
        for sql, values, formats in ready:
            name = self._prepared.get(sql) or fresh.get(sql)
            if name is None:
                # a number is used once: what failed may have been prepared all the same
                self._made += 1
                name = fresh[sql] = b"h%d" % self._made
                self._pg.send_prepare(name, sql)
                first[sent] = sql, name
                sent += 1
            self._pg.send_query_prepared(name, values, formats)
            sent += 1
        self._pg.pipeline_sync()
        while self._pg.flush():
            # the server's buffers are full: it may wait for us to read
            self._wait(selectors.EVENT_READ | selectors.EVENT_WRITE)
        results: list[PGresult] = []
        while True:
            while self._pg.is_busy():
                self._wait(selectors.EVENT_READ)
            result = self._pg.get_result()
            if result is not None:
                if result.status == ExecStatus.PIPELINE_SYNC:
                    return first, results
                results.append(result)
            if self.dead:
                raise psycopg.OperationalError(self._pg.get_error_message())

    def _wait(self, events: int) -> None:
        if events != selectors.EVENT_READ:
            self._selector.modify(self._pg.socket, events)
        (_, happened), *_ = self._selector.select()
        if events != selectors.EVENT_READ:
            self._selector.modify(self._pg.socket, selectors.EVENT_READ)
        if happened & selectors.EVENT_READ:
            self._pg.consume_input()

    def _loaded(self, result: PGresult) -> Answer:
        if result.status != ExecStatus.TUPLES_OK:
            return Answer([], result.command_tuples or 0)
        self._loader.set_pgresult(result)
        return Answer(self._loader.load_rows(0, result.ntuples, tuple), result.command_tuples or 0)


@cache
def _numbered(sql: str) -> tuple[bytes, tuple[str, ...]]:
    """A statement with its parameters numbered, and their names in that order."""
    names = tuple(dict.fromkeys(_NAMED.findall(sql)))
    text = _NAMED.sub(lambda found: f"${names.index(found[1]) + 1}", sql)
    return text.encode(), names


def _dumped(sql: str, parameters: Mapping[str, Any]) -> tuple[bytes, list[bytes | None], list[int]]:
    text, names = _numbered(sql)
    values: list[bytes | None] = []
    formats = []
    for name in names:
        value = parameters[name]
        binary = isinstance(value, bytes | memoryview)
        values.append(bytes(value) if binary else _text(value))
        formats.append(_BINARY if binary else _TEXT)
    return text, values, formats


def _text(value: Any) -> bytes | None:
    """A value as the server reads it; which type that is follows from the statement."""
    if value is None:
        return None
    if isinstance(value, str):
        made = value.encode()
        if b"\0" in made:
            raise psycopg.DataError("PostgreSQL text fields cannot contain NUL (0x00) bytes")
        return made
    if isinstance(value, bool):
        return b"t" if value else b"f"
    if isinstance(value, int | float):
        return repr(value).encode()
    if isinstance(value, list):
        return b"{" + b",".join(_element(each) for each in value) + b"}"
    raise psycopg.ProgrammingError(f"no parameter can be a {type(value).__name__}")


def _element(value: Any) -> bytes:
    made = _text(value)
    assert made is not None
    return b'"' + made.replace(b"\\", b"\\\\").replace(b'"', b'\\"') + b'"'
