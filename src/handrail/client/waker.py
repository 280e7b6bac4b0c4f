"""A waker: wakes parked runs whose cases are decided, each once."""

from __future__ import annotations

import asyncio
import functools
import inspect
import logging
import threading
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from handrail.client.drive import adrive, drive
from handrail.client.flows import Flow, new_nonce
from handrail.client.steps import Call, Run, TakeWake
from handrail.client.transport import Transport
from handrail.errors import Conflict, HandrailError
from handrail.execution import need_hold
from handrail.parked import Woken

# one wait for a due park; stopping takes at most this long
SLICE_SECONDS = 2.0
AGAIN_SECONDS = 1.0
NOTE_CHARACTERS = 500
log = logging.getLogger("handrail.waker")

# what it returns is not looked at; an awaitable is finished
Wake = Callable[[Woken], object]


class Waker:
    """Takes due parks of its frameworks one at a time and calls `wake(woken)`, until stopped.

    `wake` may be a coroutine function. When it returns, the park is over; when it raises, the park goes back with
    the error's text and is tried again after a pause, five times in all. While it works its hold is renewed, so that
    nobody else wakes the same run; if this process dies, the hold runs out after `lasting` seconds. Raises
    `InvalidInput` unless those are 1 to 86,400.
    """

    def __init__(
        self, transport: Transport, framework: str | Sequence[str], wake: Wake, *, run: str | None = None,
        lasting: float = 300.0,
    ):  # fmt: skip
        need_hold("lasting", lasting)
        self._transport = transport
        self._frameworks = (framework,) if isinstance(framework, str) else tuple(framework)
        self._wake = wake
        self._run = run
        self._lasting = lasting
        self._asynchronous = inspect.iscoroutinefunction(wake)
        self._thread: threading.Thread | None = None
        self._stopped = threading.Event()
        # runs woken, and wakes that raised
        self.woken = 0
        self.failed = 0

    def run(self) -> None:
        """Wake until `stop`. Coroutines run on one event loop of this thread."""
        with _Awaiting() as finish:
            while not self._stopped.is_set():
                try:
                    self._step(SLICE_SECONDS, finish)
                except Exception as error:
                    # what `wake` raises does not get here
                    _say_unreachable(error)
                    self._stopped.wait(AGAIN_SECONDS)

    async def arun(self) -> None:
        """Wake until `stop`, on this event loop."""
        while not self._stopped.is_set():
            try:
                await self.astep(SLICE_SECONDS)
            except Exception as error:
                _say_unreachable(error)
                await asyncio.sleep(AGAIN_SECONDS)

    def step(self, timeout: float = 0.0) -> bool:
        """Wake the next due run, waiting up to `timeout` seconds for one; whether there was one."""
        with _Awaiting() as finish:
            return self._step(timeout, finish)

    async def astep(self, timeout: float = 0.0) -> bool:
        """The same for an event loop; a plain function runs on a thread beside it."""

        async def wake(woken: Woken) -> None:
            made = self._wake(woken) if self._asynchronous else await asyncio.to_thread(self._wake, woken)
            if inspect.isawaitable(made):
                await made

        return await adrive(self._one(timeout, wake), self._transport)

    def start(self) -> Waker:
        """Wake on a thread."""
        self._thread = threading.Thread(target=self.run, name="handrail-waker", daemon=True)
        self._thread.start()
        return self

    def stop(self) -> None:
        """Finish the present wake and stop."""
        self._stopped.set()
        if self._thread is not None:
            self._thread.join(10.0)

    def _step(self, timeout: float, finish: Callable[[object], None]) -> bool:
        return drive(self._one(timeout, lambda woken: finish(self._wake(woken))), self._transport)

    def _one(self, timeout: float, wake: Callable[[Woken], Any]) -> Flow[bool]:
        woken: Woken | None = yield TakeWake(
            nonce=new_nonce(), frameworks=self._frameworks, run=self._run, lasting=self._lasting, timeout=timeout
        )
        if woken is None:
            return False
        note = ""
        with self._holding(woken):
            try:
                yield Run(function=functools.partial(wake, woken), arguments={})
                self.woken += 1
            except Exception as error:
                self.failed += 1
                note = _words(f"{type(error).__name__}: {error}")
                log.exception("waking the run %s failed", woken.run)
        try:
            yield Call(
                verb="end_wake", arguments={"id": woken.id, "fence": woken.fence, "ok": not note, "note": note}
            )  # fmt: skip
        except Conflict as error:
            log.warning("the run %s was woken, but not by this waker alone: %s", woken.run, error)
        return True

    @contextmanager
    def _holding(self, woken: Woken) -> Iterator[None]:
        """While inside, the hold is renewed three times as often as it needs."""
        over = threading.Event()
        threading.Thread(target=self._keep, args=(woken, over), name="handrail-hold", daemon=True).start()
        try:
            yield
        finally:
            over.set()

    def _keep(self, woken: Woken, over: threading.Event) -> None:
        renew = Call(verb="renew_wake", arguments={"id": woken.id, "fence": woken.fence, "lasting": self._lasting})
        while not over.wait(self._lasting / 3):
            try:
                self._transport.send(renew)
            except Conflict:
                # it parked again, was abandoned, or somebody else holds it now
                return
            except HandrailError as error:
                log.warning("the hold on the run %s could not be renewed: %s", woken.run, error)


class _Awaiting:
    """Finishes what turns out to be awaitable, on a loop that is made when it is first needed."""

    def __init__(self) -> None:
        self._runner: asyncio.Runner | None = None

    def __enter__(self) -> Callable[[object], None]:
        return self._finish

    def __exit__(self, *exc: object) -> None:
        if self._runner is not None:
            self._runner.close()

    def _finish(self, made: object) -> None:
        if inspect.isawaitable(made):
            self._runner = self._runner or asyncio.Runner()
            self._runner.run(_finished(made))


async def _finished(made: Awaitable[object]) -> None:
    await made


def _words(text: str) -> str:
    """An error's text as it can be kept: short, without what no database takes."""
    return text[:NOTE_CHARACTERS].replace("\0", "").encode(errors="replace").decode()


def _say_unreachable(error: Exception) -> None:
    log.warning("the waker cannot reach the control plane and will look again: %s", error)
