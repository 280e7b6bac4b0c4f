"""Named points at which a process dies by SIGKILL, so that a test can see what recovery makes of it.

A store wrapped in `FailingStore` passes `<phase>.commit.before` and `<phase>.commit.after` around each commit;
programs under test pass their own with `reach`. Nothing of this is in the code that is tested.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from handrail.clock import Clock
from handrail.store.engine import Store, WriteConnection
from handrail.store.statements import Statement
from handrail.store.tx import Engine, Read, Row, Writes


class Failpoints:
    """Dies when a point of the plan is passed for the n-th time: `{"start.commit.after": 2}`."""

    def __init__(self, plan: Mapping[str, int]):
        self._left = dict(plan)
        # what the process is about; the program sets it
        self.phase = ""

    def reach(self, point: str) -> None:
        """Pass a point; perhaps for the last time."""
        name = f"{self.phase}.{point}" if self.phase else point
        if name in self._left:
            self._left[name] -= 1
            if self._left[name] <= 0:
                os.kill(os.getpid(), signal.SIGKILL)


class FailingStore:
    """A store whose commits are points."""

    def __init__(self, store: Store, points: Failpoints):
        self._store = store
        self._points = points

    @property
    def engine(self) -> Engine:
        return self._store.engine

    @property
    def url(self) -> str:
        return self._store.url

    @property
    def outages(self) -> tuple[type[Exception], ...]:
        return self._store.outages

    def connect(self) -> WriteConnection:
        return FailingConnection(self._store.connect(), self._points)

    def read(self, query: Any) -> list[Any]:
        return self._store.read(query)

    def read_hot(self, statement: Statement, **parameters: Any) -> list[Row]:
        return self._store.read_hot(statement, **parameters)

    def watch(self, changed: Callable[[], None]) -> Callable[[], None]:
        return self._store.watch(changed)

    def close(self) -> None:
        self._store.close()


class FailingConnection:
    """Its commit is two points: before nothing is durable, after everything is and nobody was told."""

    def __init__(self, connection: WriteConnection, points: Failpoints):
        self._connection = connection
        self._points = points

    @property
    def engine(self) -> Engine:
        return self._connection.engine

    def begin(self, clock: Clock | None, reads: Sequence[Read] = ()) -> tuple[int, list[list[Row]]]:
        return self._connection.begin(clock, reads)

    def commit(self, writes: Sequence[Writes] = ()) -> None:
        self._points.reach("commit.before")
        self._connection.commit(writes)
        self._points.reach("commit.after")

    def rollback(self) -> None:
        self._connection.rollback()

    def execute(self, statement: Statement, parameters: Mapping[str, Any]) -> list[Row]:
        return self._connection.execute(statement, parameters)

    def exchange(self, writes: Sequence[Writes], reads: Sequence[Read] = ()) -> list[list[Row]]:
        return self._connection.exchange(writes, reads)

    def insert(self, table: Any, rows: Sequence[Mapping[str, Any]]) -> list[str]:
        return self._connection.insert(table, rows)

    def idle(self) -> None:
        self._connection.idle()

    def close(self) -> None:
        self._connection.close()
