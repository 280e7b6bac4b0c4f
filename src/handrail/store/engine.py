"""What an engine offers: writing connections, reading connections, and word of foreign changes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol

from sqlalchemy.sql import ClauseElement

from handrail.clock import Clock
from handrail.store.statements import Statement
from handrail.store.tx import Connection, Engine, Read, Row, Writes


class WriteConnection(Connection, Protocol):
    """A connection that belongs to one writer thread."""

    def begin(self, clock: Clock | None, reads: Sequence[Read] = ()) -> tuple[int, list[list[Row]]]:
        """Open a transaction and read; this moment in microseconds and the answers.

        The moment is that of `clock`, or else of the database's where it has one.
        """
        ...

    def commit(self, writes: Sequence[Writes] = ()) -> None:
        """Write what is left, make all of it durable, and tell other processes that something changed."""
        ...

    def rollback(self) -> None: ...
    def idle(self) -> None:
        """Called when nothing is waiting: the time for housekeeping."""
        ...

    def close(self) -> None: ...


class Store(Protocol):
    """One database. Reads may run from any thread; writes go through the writer."""

    @property
    def engine(self) -> Engine: ...
    @property
    def url(self) -> str: ...
    @property
    def outages(self) -> tuple[type[Exception], ...]:
        """What the driver raises when the database cannot do it now, rather than when a statement is wrong."""
        ...

    def connect(self) -> WriteConnection: ...
    def read(self, query: ClauseElement) -> list[Any]: ...
    def read_hot(self, statement: Statement, **parameters: Any) -> list[Row]: ...
    def watch(self, changed: Callable[[], None]) -> Callable[[], None]:
        """Call `changed` after another process wrote (a hint); returns what ends the watching."""
        ...

    def close(self) -> None: ...
