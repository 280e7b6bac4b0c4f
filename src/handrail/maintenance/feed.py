"""Who waits for what: decisions by case, due parks by log, everything by subscriber. A signal is a hint, a look enough.

Commits of this process arrive at once. Those of others are noticed through the store's change signal
and fetched from the log, so nothing is missed however it was written.
"""

from __future__ import annotations

import asyncio
import inspect
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from time import monotonic as _monotonic
from typing import Any, NamedTuple

from handrail.clock import iso
from handrail.store import statements
from handrail.store.engine import Store
from handrail.store.tx import Staged


class Event(NamedTuple):
    """One entry as far as listeners need it."""

    log: str
    idx: int
    type: str
    case_id: str | None
    at: str


# what can end somebody's waiting for a case
AWAITED = frozenset(
    {"decision.made", "execution.finished", "execution.unknown", "execution.settled", "execution.voided"}
)


# what can make a parked run due, or free one that was held
WAKING = frozenset({"decision.made", "run.parked", "run.woken", "run.retried"})


# called with the entry of the decision, if this process made it
Wake = Callable[[Staged | None], None]


def of_parks(log: str) -> str:
    """What to wait for instead of a case, to hear what may make a parked run of this log due."""
    return f"parks of {log}"


class _Waiter:
    __slots__ = ("followed", "loop", "wake")

    def __init__(self, wake: Wake, loop: asyncio.AbstractEventLoop | None, followed: bool):
        self.wake = wake
        self.loop = loop
        # its log is followed, so it need not be woken for every change
        self.followed = followed


class Feed:
    """Wakes waiters. Safe to use from any thread."""

    def __init__(self, store: Store):
        self._store = store
        self._guard = threading.Lock()
        self._by_case: dict[str, list[_Waiter]] = {}
        self._subscribers: list[tuple[str, Callable[[Sequence[Event]], None], asyncio.AbstractEventLoop | None]] = []
        # newest index seen of each log somebody listens to
        self._seen: dict[str, int] = {}

    # --- arriving -----------------------------------------------------------------------------

    def committed(self, entries: Sequence[Staged]) -> None:
        """This process committed these entries."""
        decided = {e.case_id: e for e in entries if e.decision is not None} if self._by_case else {}
        self._spread([Event(e.log, e.index, e.type, e.case_id, "") for e in entries], decided)

    def changed(self) -> None:
        """Somebody wrote, perhaps another process: look for what is not known yet."""
        with self._guard:
            logs = dict(self._seen)
            unfollowed = [w for waiters in self._by_case.values() for w in waiters if not w.followed]
        for log, seen in logs.items():
            while rows := self._store.read_hot(statements.entries_after, log=log, idx=seen, limit=1000):
                self._spread([_event(log, row) for row in rows])
                seen = rows[-1][0]
        _wake([(waiter, None) for waiter in unfollowed])

    def follow(self, log: str) -> None:
        """Watch a log for other processes' entries from now on, so that a wait for one of its cases costs nothing."""
        if log in self._seen:
            return
        head = self._store.read_hot(statements.head_get, log=log)
        with self._guard:
            self._seen.setdefault(log, (head[0][0] - 1) if head else -1)

    def _spread(self, events: list[Event], decided: Mapping[str | None, Staged] | None = None) -> None:
        if not events:
            return
        with self._guard:
            waiters: list[tuple[_Waiter, Staged | None]] = []
            if self._by_case:
                for event in events:
                    if event.case_id is not None and event.type in AWAITED:
                        told = (decided or {}).get(event.case_id)
                        waiters.extend((waiter, told) for waiter in self._by_case.get(event.case_id, ()))
                for log in {event.log for event in events if event.type in WAKING}:
                    waiters.extend((waiter, None) for waiter in self._by_case.get(of_parks(log), ()))
            subscribers = list(self._subscribers)
            for event in events:
                # a gap holds entries of another process: they are still to be fetched
                if self._seen.get(event.log) == event.idx - 1:
                    self._seen[event.log] = event.idx
        _wake(waiters)
        for log, heard, loop in subscribers:
            mine = [event for event in events if event.log == log]
            if mine and loop is not None:
                try:
                    loop.call_soon_threadsafe(heard, mine)
                except RuntimeError:
                    continue
            elif mine:
                heard(mine)

    # --- waiting ------------------------------------------------------------------------------

    def wait(self, case_id: str, ready: Callable[[], bool], timeout: float | None) -> bool:
        """Block until `ready()` holds; false if `timeout` seconds pass first. Clears, then looks, then waits."""
        if ready():
            return True
        signal = threading.Event()
        waiter = _Waiter(lambda _: signal.set(), None, False)
        self._enter(case_id, waiter)
        try:
            deadline = None if timeout is None else _monotonic() + timeout
            while True:
                signal.clear()
                if ready():
                    return True
                left = None if deadline is None else deadline - _monotonic()
                if left is not None and left <= 0:
                    return False
                # a poll is always enough: look again even if no signal came
                signal.wait(min(2.0, left) if left is not None else 2.0)
        finally:
            self._leave(case_id, waiter)

    async def await_(
        self,
        case_id: str,
        ready: Callable[[], bool | Awaitable[bool]],
        timeout: float | None,
        *,
        log: str | None = None,
    ) -> bool:
        """The same for an event loop. Naming the case's log makes a wait cheap: only its own entries wake it."""
        return await self._await(case_id, ready, timeout, log, _Signal()) is not False

    async def await_decision(
        self, case_id: str, ready: Callable[[], bool | Awaitable[bool]], timeout: float, *, log: str
    ) -> Staged | bool:
        """The same for a case's decision; its entry, `decision` included, if this process makes it meanwhile."""
        return await self._await(case_id, ready, timeout, log, _Signal(wants_decision=True))

    async def _await(
        self,
        case_id: str,
        ready: Callable[[], bool | Awaitable[bool]],
        timeout: float | None,
        log: str | None,
        signal: _Signal,
    ) -> Staged | bool:
        loop = asyncio.get_running_loop()
        if log is not None:
            self.follow(log)
        waiter = _Waiter(signal.wake, loop, log is not None)
        self._enter(case_id, waiter)
        try:
            deadline = None if timeout is None else loop.time() + timeout
            while True:
                signal.clear(loop)
                found = ready()
                if found is True or (inspect.isawaitable(found) and await found):
                    return True
                left = None if deadline is None else deadline - loop.time()
                if left is not None and left <= 0:
                    return False
                made = await signal.wait(min(15.0, left) if left is not None else 15.0)
                if made is not None:
                    return made
        finally:
            self._leave(case_id, waiter)

    def _enter(self, case_id: str, waiter: _Waiter) -> None:
        with self._guard:
            self._by_case.setdefault(case_id, []).append(waiter)

    def _leave(self, case_id: str, waiter: _Waiter) -> None:
        with self._guard:
            waiters = self._by_case[case_id]
            waiters.remove(waiter)
            if not waiters:
                del self._by_case[case_id]

    def subscribe(
        self, log: str, heard: Callable[[Sequence[Event]], None], loop: asyncio.AbstractEventLoop | None = None
    ) -> Callable[[], None]:
        """Hear each new entry of a log, on `loop` if given; returns what ends it. Ordered per commit."""
        item = (log, heard, loop)
        self.follow(log)
        with self._guard:
            self._subscribers.append(item)

        def end() -> None:
            with self._guard:
                if item in self._subscribers:
                    self._subscribers.remove(item)

        return end

    async def events(self, log: str, after: int) -> AsyncIterator[list[Event]]:
        """All of a log after index `after`: first what is stored, then what comes; nothing twice, nothing lost."""
        news = asyncio.Event()
        end = self.subscribe(log, lambda _: news.set(), asyncio.get_running_loop())
        try:
            while True:
                news.clear()
                rows = await asyncio.to_thread(
                    self._store.read_hot, statements.entries_after, log=log, idx=after, limit=500
                )
                if rows:
                    after = rows[-1][0]
                    yield [_event(log, row) for row in rows]
                    continue
                try:
                    await asyncio.wait_for(news.wait(), 15.0)
                except TimeoutError:
                    yield []
        finally:
            end()


def _event(log: str, row: Sequence[Any]) -> Event:
    # an entry's id is a UUIDv7: its first 48 bits are its milliseconds
    return Event(log, row[0], row[1], row[2], iso(int(row[3][:8] + row[3][9:13], 16) * 1000))


class _Signal:
    """What a coroutine waits on: one future and one timer, for thousands wait at a time."""

    __slots__ = ("_decided", "_future", "_wants_decision")

    def __init__(self, *, wants_decision: bool = False):
        self._wants_decision = wants_decision
        self._decided: Staged | None = None
        self._future: asyncio.Future[None] | None = None

    def clear(self, loop: asyncio.AbstractEventLoop) -> None:
        """From now on a wake ends the next wait."""
        self._future = loop.create_future()

    def wake(self, decided: Staged | None = None) -> None:
        """Called on the event loop."""
        if decided is not None and self._wants_decision:
            self._decided = decided
        if self._future is not None and not self._future.done():
            self._future.set_result(None)

    async def wait(self, seconds: float) -> Staged | None:
        """Until woken, or until `seconds` have passed; the decision's entry if that came with it."""
        assert self._future is not None
        timer = self._future.get_loop().call_later(seconds, self.wake)
        try:
            await self._future
        finally:
            timer.cancel()
        return self._decided


def _wake(waiters: list[tuple[_Waiter, Staged | None]]) -> None:
    by_loop: dict[asyncio.AbstractEventLoop, list[tuple[Wake, Staged | None]]] = {}
    for waiter, decided in waiters:
        if waiter.loop is None:
            waiter.wake(decided)
        else:
            by_loop.setdefault(waiter.loop, []).append((waiter.wake, decided))
    for loop, wakes in by_loop.items():
        try:
            loop.call_soon_threadsafe(_call_all, wakes)
        except RuntimeError:
            continue


def _call_all(wakes: list[tuple[Wake, Staged | None]]) -> None:
    for wake, decided in wakes:
        wake(decided)
