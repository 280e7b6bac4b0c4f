"""The resumer of parked threads: one process wakes a thread, once, when cases of its pause are decided."""

from __future__ import annotations

import asyncio
import functools
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from langchain_core.runnables import RunnableConfig
from langgraph.pregel import Pregel
from langgraph.types import Command, PregelTask, StateSnapshot

from handrail.client.client import Client
from handrail.client.waker import Waker
from handrail.clock import SECOND
from handrail.errors import InvalidInput, Unavailable
from handrail.integrations.langgraph.door import Waking, waking
from handrail.integrations.langgraph.place import FRAMEWORK, Kept, kept
from handrail.parked import Parked, Woken

PATIENCE_SECONDS = 30.0
LOOK_SECONDS = 0.1
SWEEP_SECONDS = 30.0
WENT_ON = "the thread went on without it"
# a checkpoint made by one of these began something new; the others belong to the run itself
_NEW = ("input", "update", "fork")
_HISTORY = 100

Stands = Literal["not there", "running", "paused", "further on", "over"]
Configure = Callable[[dict[str, Any]], RunnableConfig]


@dataclass(frozen=True, slots=True)
class Move:
    """What a waker does: run the graph on `given`, park it again, leave it alone, or drop what it waited for."""

    kind: Literal["invoke", "park", "leave", "drop"]
    given: Command[Any] | None = None


def waker(
    hr: Client, graph: Pregel[Any, Any, Any, Any], *, context: Any = None, config: Configure | None = None,
    patience: float = PATIENCE_SECONDS, lasting: float = 300.0,
) -> ThreadWaker:  # fmt: skip
    """Resumes this graph's parked threads. Call `start()` (a thread of its own), `run()` or `step()`.

    However many wakers run, in however many processes, one of them resumes a thread at a time. `context` is the
    graph's run-time context: a value, or a function of `configurable`. `config` makes the whole config from the
    `configurable` that was parked, for what is no plain value or is secret. `patience` is how many seconds a thread
    whose other calls are still running is waited for. `lasting`: see `Waker`.

    Raises `InvalidInput` for a graph without a checkpointer.
    """
    return ThreadWaker(hr, Threads(hr, _saved(graph), context, config, patience), lasting=lasting)


def awaker(
    hr: Client, graph: Pregel[Any, Any, Any, Any], *, context: Any = None, config: Configure | None = None,
    patience: float = PATIENCE_SECONDS, lasting: float = 300.0,
) -> AsyncThreadWaker:  # fmt: skip
    """The same for an asynchronous checkpointer: await `arun()` or `astep()` on the loop to which it belongs."""
    return AsyncThreadWaker(hr, Threads(hr, _saved(graph), context, config, patience), lasting=lasting)


@dataclass(frozen=True, slots=True)
class Threads:
    """The threads of one graph, and how to resume one."""

    hr: Client
    graph: Pregel[Any, Any, Any, Any]
    context: Any
    configure: Configure | None
    patience: float

    def wake(self, woken: Woken) -> None:
        """Resume a thread that was taken. Raises `Unavailable` while the run that parked it is still at work."""
        was = _state(woken)
        config = self.config(was)
        until = time.monotonic() + self.patience
        while True:
            now = self.graph.get_state(config)
            stands = _stands(was, now, lambda: self.graph.get_state_history(config, limit=_HISTORY))
            if not _is_busy(stands, woken) or time.monotonic() >= until:
                break
            time.sleep(LOOK_SECONDS)
        ids = [id for id, case in _asked(now) if self._decided(woken, case)]
        move = _move(stands, woken, now, ids)
        if move.kind == "drop":
            self.hr.abandon(woken.run, FRAMEWORK, reason=WENT_ON)
        elif move.kind == "park":
            self._park(woken, was, Waking(), now, ids)
        elif move.kind == "invoke":
            with _collecting(was) as collected:
                self.graph.invoke(move.given, config, context=self._context(was))
            self._park(woken, was, collected, self.graph.get_state(config), ids)

    async def awake(self, woken: Woken) -> None:
        """The same for an asynchronous checkpointer."""
        was = _state(woken)
        config = self.config(was)
        until = time.monotonic() + self.patience
        while True:
            now = await self.graph.aget_state(config)
            since = [one async for one in self.graph.aget_state_history(config, limit=_HISTORY)]
            stands = _stands(was, now, functools.partial(iter, since))
            if not _is_busy(stands, woken) or time.monotonic() >= until:
                break
            await asyncio.sleep(LOOK_SECONDS)
        ids = [id for id, case in _asked(now) if await asyncio.to_thread(self._decided, woken, case)]
        move = _move(stands, woken, now, ids)
        if move.kind == "drop":
            await self.hr.aio.abandon(woken.run, FRAMEWORK, reason=WENT_ON)
        elif move.kind == "park":
            await asyncio.to_thread(self._park, woken, was, Waking(), now, ids)
        elif move.kind == "invoke":
            with _collecting(was) as collected:
                await self.graph.ainvoke(move.given, config, context=self._context(was))
            paused = await self.graph.aget_state(config)
            await asyncio.to_thread(self._park, woken, was, collected, paused, ids)

    def config(self, was: Kept) -> RunnableConfig:
        """What to invoke the graph with."""
        if self.configure is None:
            return {"configurable": dict(was.configurable)}
        made = self.configure(dict(was.configurable))
        thread = {"thread_id": was.configurable["thread_id"]}
        return {**made, "configurable": {**made.get("configurable", {}), **thread}}

    def _context(self, was: Kept) -> Any:
        return self.context(dict(was.configurable)) if callable(self.context) else self.context

    def _decided(self, woken: Woken, case_id: str) -> bool:
        known = woken.cases.get(case_id)
        return known is not None or self.hr.decision(case_id) is not None

    def _park(
        self, woken: Woken, was: Kept, collected: Waking, now: StateSnapshot, resumed: Collection[str]
    ) -> None:  # fmt: skip
        """Park it again if it paused again. What a pause before this one waited for is taken back."""
        same = str(now.config["configurable"].get("checkpoint_id", "")) == was.checkpoint
        asked = _asked(now)
        # what nobody has answered yet waits even if it was decided meanwhile: it is due at once
        cases = collected.cases | {case for id, case in asked if id not in resumed}
        others = {case for _, case in asked} | (set(woken.cases) if same else set())
        cases |= {case for case in others - cases if self.hr.decision(case) is None}
        state = collected.state or (woken.state if same else None)
        if cases and state is not None:
            self.hr.park(run=woken.run, framework=FRAMEWORK, cases=sorted(cases), state=state, wakes="any")


class ThreadWaker(Waker):
    """Wakes threads, and now and then takes back what threads that went on have left behind."""

    def __init__(self, hr: Client, threads: Threads, *, lasting: float):
        super().__init__(hr.transport, FRAMEWORK, threads.wake, lasting=lasting)
        self._threads = threads
        self._swept = time.monotonic()

    def _step(self, timeout: float, finish: Callable[[object], None]) -> bool:
        if time.monotonic() > self._swept + SWEEP_SECONDS:
            self.sweep()
        return super()._step(timeout, finish)

    def sweep(self) -> list[str]:
        """Cancel the cases of threads that went on without them (new input, or an end); the ids of the cases."""
        self._swept = time.monotonic()
        cancelled: list[str] = []
        for park in _parks(self._threads.hr.parks()):
            if _left(park, self._threads.graph.get_state({"configurable": {"thread_id": park.run}})):
                cancelled += self._threads.hr.abandon(park.run, FRAMEWORK, reason=WENT_ON)
        return cancelled


class AsyncThreadWaker(Waker):
    """The same for an event loop."""

    def __init__(self, hr: Client, threads: Threads, *, lasting: float):
        super().__init__(hr.transport, FRAMEWORK, threads.awake, lasting=lasting)
        self._threads = threads
        self._swept = time.monotonic()

    async def astep(self, timeout: float = 0.0) -> bool:
        """Wake the next due thread, waiting up to `timeout` seconds for one; whether there was one."""
        if time.monotonic() > self._swept + SWEEP_SECONDS:
            await self.sweep()
        return await super().astep(timeout)

    async def sweep(self) -> list[str]:
        """Cancel the cases of threads that went on without them; the ids of the cases."""
        self._swept = time.monotonic()
        cancelled: list[str] = []
        for park in _parks(await self._threads.hr.aio.parks()):
            if _left(park, await self._threads.graph.aget_state({"configurable": {"thread_id": park.run}})):
                cancelled += await self._threads.hr.aio.abandon(park.run, FRAMEWORK, reason=WENT_ON)
        return cancelled


# --- in short -------------------------------------------------------------------------------------


def _saved(graph: Pregel[Any, Any, Any, Any]) -> Pregel[Any, Any, Any, Any]:
    if not graph.checkpointer:
        raise InvalidInput(
            "this graph keeps no threads, so there is nothing to wake",
            remedy="Compile it with a checkpointer that outlives the process: SqliteSaver, PostgresSaver.",
        )
    return graph


def _state(woken: Woken) -> Kept:
    if woken.state is None:
        raise InvalidInput(f"the park of {woken.run} has no state")
    return kept(woken.state)


def _asked(now: StateSnapshot) -> list[tuple[str, str]]:
    """The pending interrupts that are ours: their ids, and the cases they wait for."""
    return [
        (one.id, str(one.value["case_id"]))
        for one in now.interrupts
        if isinstance(one.value, dict) and {"case_id", "action", "digest"} <= one.value.keys()
    ]


def _stands(was: Kept, now: StateSnapshot, history: Callable[[], Iterator[StateSnapshot]]) -> Stands:
    """How a thread stands to the pause that was parked. Names of checkpoints grow in the order they are made."""
    latest = str(now.config["configurable"].get("checkpoint_id", ""))
    if latest < was.checkpoint:
        return "not there"
    if latest > was.checkpoint:
        since = [one for one in history() if str(one.config["configurable"]["checkpoint_id"]) > was.checkpoint]
        begun = any((one.metadata or {}).get("source") in _NEW for one in since)
        return "over" if begun or not now.next else "further on"
    return "running" if any(_runs(task) for task in now.tasks) else "paused"


def _runs(task: PregelTask) -> bool:
    return not task.interrupts and task.error is None and task.result is None


def _is_busy(stands: Stands, woken: Woken) -> bool:
    # whoever ran it when a waker tried before is not there any more
    return stands == "not there" or (stands == "running" and woken.fence == 1)


def _move(stands: Stands, woken: Woken, now: StateSnapshot, ids: list[str]) -> Move:
    """What to do about it. Raises `Unavailable` for a thread that another process is running."""
    if _is_busy(stands, woken):
        raise Unavailable(
            f"the thread {woken.run} is still being run", remedy="It is tried again; give the waker more patience."
        )
    again = woken.fence > 1
    if stands == "over":
        return Move("drop")
    if ids:
        return Move("invoke", Command(resume=dict.fromkeys(ids, True)))
    if stands == "further on":
        # resumed by hand meanwhile, unless a waker that died or failed had got that far
        return Move("invoke") if again and not now.interrupts else Move("leave")
    return Move("invoke") if stands == "running" or any(task.error for task in now.tasks) else Move("park")


@contextmanager
def _collecting(was: Kept) -> Iterator[Waking]:
    collected = Waking()
    token = waking.set(collected)
    try:
        with was.run or nullcontext():
            yield collected
    finally:
        waking.reset(token)


def _parks(found: list[Parked]) -> list[Parked]:
    return [park for park in found if park.framework == FRAMEWORK and park.held_until is None]


def _left(park: Parked, now: StateSnapshot) -> bool:
    """The thread is at rest, and came to rest after it was parked."""
    if now.next or now.created_at is None:
        return False
    return datetime.fromisoformat(now.created_at).timestamp() * SECOND > park.parked_at
