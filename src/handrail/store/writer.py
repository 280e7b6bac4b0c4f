"""The writer: gathers whatever verbs are waiting into one transaction, commits once, then answers each.

No timer: a group is as large as the crowd that formed while the last one was being written, so a
lone caller pays one commit and a crowd shares one. A blocking caller who finds nobody writing takes
the turn himself and saves two switches between threads.

A verb that fails before it wrote anything costs the group nothing. One that fails after writing is
taken out, the group is rolled back and run again without it: what a savepoint each would give,
paid for only when it is needed.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import Any, Protocol, TypeVar, cast

from handrail.clock import Clock
from handrail.errors import HandrailError, Unavailable
from handrail.store.engine import Store, WriteConnection
from handrail.store.tx import Look, Staged, Tx

C = TypeVar("C")
R = TypeVar("R")
Verb = Callable[[Tx, C], R]
Bulk = Callable[[Tx, Sequence[Any]], list[Any]]
Ahead = Callable[[Sequence[Any]], list[Look]]

log = logging.getLogger("handrail.writer")

MAX_GROUP = 256
IDLE_SECONDS = 0.5
# a waiting writer looks again by itself this often
LOOK_SECONDS = 5.0
RETRIES = 4


class Answer(Protocol):
    """Where a verb's result goes, on the event loop that asked: a future, or something lighter."""

    def cancelled(self) -> bool: ...
    def set_result(self, result: Any) -> None: ...
    def set_exception(self, error: Exception) -> None: ...


class _Item:
    __slots__ = ("alone", "command", "future", "loop", "verb")

    def __init__(self, verb: Verb[Any, Any], command: Any, future: Any, loop: asyncio.AbstractEventLoop | None):
        self.verb = verb
        self.command = command
        self.future = future
        self.loop = loop
        # a bulk it was part of failed: run it by itself, so that the others do not pay for one
        self.alone = False


class _Reply:
    """Where the result of a blocking caller's verb goes: a future without what nobody here needs."""

    __slots__ = ("_error", "_open", "_result", "done")

    def __init__(self) -> None:
        # held until the answer is there
        self._open = threading.Lock()
        self._open.acquire()
        self._result: Any = None
        self._error: Exception | None = None
        self.done = False

    def set_running_or_notify_cancel(self) -> bool:
        return True

    def set_result(self, result: Any) -> None:
        self._result = result
        self.done = True
        self._open.release()

    def set_exception(self, error: Exception) -> None:
        self._error = error
        self.done = True
        self._open.release()

    def result(self) -> Any:
        """Waits for it. Raises what the verb raised."""
        with self._open:
            if self._error is None:
                return self._result
            try:
                raise self._error
            finally:
                # the traceback holds this frame: no ring of references
                self._error = None


class _Turn:
    """A connection and who may write on it."""

    __slots__ = ("connection", "held")

    def __init__(self, connection: WriteConnection):
        self.connection = connection
        self.held = threading.Lock()


class _Poisoned(Exception):
    """Verbs `at` failed after writing: the transaction must be rolled back and run without them."""

    def __init__(self, at: range, error: Exception):
        self.at = at
        self.error = error


class Writer:
    """Runs verbs against a store, on its own thread(s). Safe to call from any thread or event loop."""

    def __init__(
        self,
        store: Store,
        *,
        clock: Clock | None = None,
        threads: int = 1,
        bulk: dict[Verb[Any, Any], Bulk] | None = None,
        ahead: dict[Verb[Any, Any], Ahead] | None = None,
        unbound: frozenset[Verb[Any, Any]] = frozenset(),
        committed: Callable[[list[Staged]], None] | None = None,
    ):
        self.store = store
        # None: the engine tells the time (PostgreSQL by its server, so that replicas agree)
        self.clock = clock
        self.bulk = bulk or {}
        # what verbs read first, known from their commands; none of them changes a workspace, its policy or its halts
        self.ahead = ahead or {}
        # of these, verbs that may touch a case they do not name
        self.unbound = unbound
        self.committed = committed or (lambda entries: None)
        self._waiting: deque[_Item] = deque()
        # what coroutines ask for in one turn of their loop
        self._asked: dict[asyncio.AbstractEventLoop, list[tuple[Verb[Any, Any], Any, asyncio.Future[Any]]]] = {}
        self._ready = threading.Condition(threading.Lock())
        self._closing = False
        # commits and verbs since the start, for metrics
        self.commits = 0
        self.verbs = 0
        # whose turn it is on a connection
        self._turns = [_Turn(store.connect()) for _ in range(1 if store.engine == "sqlite" else threads)]
        self._threads = [
            threading.Thread(target=self._work, args=(turn,), name=f"handrail-writer-{n}", daemon=True)
            for n, turn in enumerate(self._turns)
        ]
        for thread in self._threads:
            thread.start()

    # --- two thin ways to wait for the same thing ------------------------------------------------

    def submit(self, verb: Verb[C, R], command: C) -> Future[R]:
        """Queue a verb; the future completes after the commit."""
        future: Future[R] = Future()
        self._put(_Item(verb, command, future, None))
        return future

    def run(self, verb: Verb[C, R], command: C) -> R:
        """Run a verb and wait until it is durable."""
        reply = _Reply()
        item = _Item(verb, command, reply, None)
        turn = self._turns[0]
        if not turn.held.acquire(blocking=False):
            self._put(item)
            return cast(R, reply.result())
        try:
            self._put(item, wake=False)
            while not reply.done and self._waiting:
                self._take_turn(turn.connection)
        finally:
            turn.held.release()
            if self._waiting:
                with self._ready:
                    self._ready.notify()
        return cast(R, reply.result())

    async def arun(self, verb: Verb[C, R], command: C) -> R:
        """Run a verb and await its durable result."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[R] = loop.create_future()
        if self._closing:
            raise Unavailable("the store is closed")
        asked = self._asked.get(loop)
        if asked is None:
            # whoever else this turn of the loop wakes asks together with him
            asked = self._asked[loop] = []
            loop.call_soon(self._hand_in, loop)
        asked.append((verb, command, future))
        return await future

    def _hand_in(self, loop: asyncio.AbstractEventLoop) -> None:
        items = [_Item(verb, command, future, loop) for verb, command, future in self._asked.pop(loop)]
        with self._ready:
            if not self._closing:
                self._waiting.extend(items)
                self._ready.notify()
                return
        for item in items:
            if not item.future.done():
                item.future.set_exception(Unavailable("the store is closed"))

    def tell(self, verb: Verb[C, R], given: Sequence[tuple[C, Answer]], loop: asyncio.AbstractEventLoop) -> None:
        """Queue many at once; each answer is set on `loop` when its command is durable or refused."""
        items = [_Item(verb, command, answer, loop) for command, answer in given]
        with self._ready:
            if self._closing:
                raise Unavailable("the store is closed")
            self._waiting.extend(items)
            self._ready.notify()

    @property
    def waiting(self) -> int:
        """Verbs that wait for a group."""
        return len(self._waiting)

    def close(self) -> None:
        """Finish what is waiting, then stop."""
        with self._ready:
            self._closing = True
            self._ready.notify_all()
        for thread in self._threads:
            thread.join()

    def _put(self, item: _Item, *, wake: bool = True) -> None:
        with self._ready:
            if self._closing:
                raise Unavailable("the store is closed")
            self._waiting.append(item)
            if wake:
                self._ready.notify()

    # --- the loop ---------------------------------------------------------------------------------

    def _work(self, turn: _Turn) -> None:
        kept = -1
        while True:
            # blocking callers commit without waking this thread
            commits = self.commits
            with self._ready:
                if not self._waiting and not self._closing:
                    self._ready.wait(LOOK_SECONDS if kept == commits else IDLE_SECONDS)
                closing = self._closing and not self._waiting
            with turn.held:
                if closing:
                    turn.connection.close()
                    return
                if self._waiting:
                    self._take_turn(turn.connection)
                elif kept != commits == self.commits:
                    self._keep_house(turn.connection)
                    kept = commits

    def _take_turn(self, connection: WriteConnection) -> None:
        """Write one group and answer it. Whatever interrupts that, everybody in it gets an answer."""
        with self._ready:
            group = self._next_group()
        if not group:
            return
        results: list[Any] = [Unavailable("the writing was interrupted")] * len(group)
        try:
            results = self._write(connection, group)
        except BaseException:
            self._rollback(connection)
            raise
        finally:
            self._answer(group, results)

    def _keep_house(self, connection: WriteConnection) -> None:
        try:
            connection.idle()
        except self.store.outages:
            log.warning("housekeeping failed; it will be tried again", exc_info=True)

    def _next_group(self) -> list[_Item]:
        """Who waits, without those who gave up waiting before their verb began."""
        count = min(len(self._waiting), MAX_GROUP)
        group = [self._waiting.popleft() for _ in range(count)]
        return [item for item in group if item.loop is not None or item.future.set_running_or_notify_cancel()]

    def _write(self, connection: WriteConnection, group: list[_Item]) -> list[Any]:
        """Results or exceptions, one per item, in order."""
        results: list[Any] = [None] * len(group)
        alive = list(range(len(group)))
        retries = 0
        at_once = False
        while alive:
            try:
                items = [group[i] for i in alive]
                looks = self._look_ahead(items)
                now, answers = connection.begin(self.clock, [look.read(connection.engine) for look in looks])
                tx = Tx(connection, now, at_once=at_once)
                tx.answer(looks, answers)
                made = self._run_all(tx, items)
                connection.commit(tx.flush())
            except _Poisoned as poison:
                self._rollback(connection)
                if len(poison.at) > 1:
                    for at in poison.at:
                        group[alive[at]].alone = True
                    continue
                results[alive.pop(poison.at.start)] = poison.error
                continue
            except self.store.outages as error:
                self._rollback(connection)
                if retries < RETRIES and getattr(error, "sqlstate", None) in ("40001", "40P01", "55P03"):
                    retries += 1
                    continue
                log.warning("the database refused a group of %d", len(alive), exc_info=True)
                for i in alive:
                    results[i] = Unavailable(f"the database cannot take this now: {error}")
                return results
            except Exception as error:
                # nothing was written, nobody is told otherwise
                self._rollback(connection)
                if not at_once:
                    # a gathered write failed: run again with every write at its place, to see whose it is
                    at_once = True
                    continue
                log.exception("a group of %d failed", len(alive))
                for i in alive:
                    results[i] = error
                return results
            for i, result in zip(alive, made, strict=True):
                results[i] = result
            self.commits += 1
            self.verbs += len(alive)
            self._tell(tx.entries)
            return results
        return results

    def _tell(self, entries: list[Staged]) -> None:
        try:
            if entries:
                self.committed(entries)
        except Exception:
            # it is durable and its callers must hear so; listeners look again by themselves
            log.exception("a listener failed")

    def _look_ahead(self, items: list[_Item]) -> list[Look]:
        """What to read for the whole group at once: of cases only where no two of its verbs can touch the same one."""
        if len(items) == 1 and self.store.engine == "sqlite":
            # a read is no trip: one by one, where the verb wants it
            return []
        by_verb: dict[Verb[Any, Any], list[Any]] = {}
        for item in items:
            by_verb.setdefault(item.verb, []).append(item.command)
        looks = [
            look for verb, commands in by_verb.items() if verb in self.ahead for look in self.ahead[verb](commands)
        ]
        # one look at a workspace serves all
        looks = list(dict.fromkeys(looks))
        if len(items) == 1:
            return looks
        if any(verb not in self.ahead for verb in by_verb):
            # it may change what the others look at
            return []
        cases = [case for commands in by_verb.values() for case in named(commands)]
        if len(set(cases)) < len(cases) or not self.unbound.isdisjoint(by_verb):
            looks = [look for look in looks if not look.case_ids]
        return looks

    def _run_all(self, tx: Tx, items: list[_Item]) -> list[Any]:
        made: list[Any] = []
        at = 0
        while at < len(items):
            verb = items[at].verb
            end = at + 1
            many = None if items[at].alone else self.bulk.get(verb)
            if many is not None:
                while end < len(items) and items[end].verb is verb and not items[end].alone:
                    end += 1
            tx.begin_verb()
            try:
                if many is not None:
                    made.extend(many(tx, [item.command for item in items[at:end]]))
                else:
                    made.append(verb(tx, items[at].command))
            except self.store.outages:
                raise
            except Exception as error:
                if tx.failed_late:
                    raise
                if tx.dirty or not isinstance(error, HandrailError):
                    raise _Poisoned(range(at, end), error) from error
                made.extend([error] * (end - at))
            at = end
        return made

    def _rollback(self, connection: WriteConnection) -> None:
        try:
            connection.rollback()
        except Exception:
            log.warning("rollback failed; the connection will be opened again", exc_info=True)

    def _answer(self, group: list[_Item], results: list[Any]) -> None:
        by_loop: dict[asyncio.AbstractEventLoop, list[tuple[Answer, Any]]] = {}
        for item, result in zip(group, results, strict=True):
            if item.loop is not None:
                by_loop.setdefault(item.loop, []).append((item.future, result))
            elif isinstance(result, Exception):
                item.future.set_exception(result)
            else:
                item.future.set_result(result)
        for loop, pairs in by_loop.items():
            try:
                # one wake-up a loop and group, however many futures
                loop.call_soon_threadsafe(_resolve, pairs)
            except RuntimeError:
                log.debug("an event loop closed before its answer came")


def named(commands: Sequence[Any]) -> list[str]:
    """The cases that commands name."""
    return [command.case_id for command in commands if hasattr(command, "case_id")]


def _resolve(pairs: list[tuple[Answer, Any]]) -> None:
    for answer, result in pairs:
        if answer.cancelled():
            continue
        if isinstance(result, Exception):
            answer.set_exception(result)
        else:
            answer.set_result(result)
