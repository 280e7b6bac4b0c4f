"""What an engine offers: writing connections, reading connections, and word of foreign changes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from sqlalchemy.sql import ClauseElement

from handrail.clock import Clock
from handrail.store.statements import Statement
from handrail.store.tx import Connection, Engine, Row


class WriteConnection(Connection, Protocol):
    """A connection that belongs to one writer thread."""

    def begin(self, clock: Clock | None) -> int:
        """Open a transaction; this moment in microseconds: by `clock`, or else by the database's where it has one."""
        ...

    def commit(self) -> None:
        """Make it durable, and tell other processes that something changed."""
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
