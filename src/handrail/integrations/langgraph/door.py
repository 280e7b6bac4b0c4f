"""The door of an agent's tool calls: proposed, parked while people decide, run once as they were stored."""

from __future__ import annotations

import logging
import threading
import uuid
from collections.abc import Callable, Collection, Mapping
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from langchain_core.runnables import RunnableConfig
from langgraph.errors import GraphBubbleUp
from langgraph.types import interrupt

from handrail.client.client import Client
from handrail.client.terms import Computed
from handrail.client.toolcall import Told, ToolCall, ToolGate, quoted
from handrail.decision import Decision
from handrail.errors import HandrailError, InvalidInput
from handrail.integrations.langgraph.beside import begin, beside, inside, wait_for_others
from handrail.integrations.langgraph.place import FRAMEWORK, Place, place_of
from handrail.integrations.langgraph.results import Recorded, dumped

log = logging.getLogger("handrail.langgraph")

Wait = Literal["park", "block"]


@dataclass(slots=True)
class Waking:
    """What a waker collects of the run that it wakes: the pause that the run ends in, and its open cases."""

    state: bytes | None = None
    cases: set[str] = field(default_factory=set)
    _adding: threading.Lock = field(default_factory=threading.Lock, repr=False, compare=False)

    def add(self, state: bytes, case_id: str) -> None:
        with self._adding:
            if state != self.state:
                self.state, self.cases = state, set()
            self.cases.add(case_id)


# set while a waker of this process runs the graph: it parks the run itself, when the run has stopped
waking: ContextVar[Waking | None] = ContextVar("handrail_langgraph_waking", default=None)


class Door:
    """How the calls of one set of tools are let through. Made by `gate`, `middleware` and `wrap_tool_call`."""

    def __init__(
        self, client: Client, *, wait: Wait, terms: Mapping[str, Mapping[str, Computed]] | None, agent: str | None,
        delegates: Collection[str], says: Mapping[str, Computed], gates: Collection[str] | None = None,
    ):  # fmt: skip
        if wait not in ("park", "block"):
            raise InvalidInput(f'wait is "park" or "block", not {wait!r}')
        self.client = client
        self.gate = ToolGate(client, terms=terms, agent=agent, **says)
        self.wait = wait
        self.delegates = frozenset(delegates)
        # the tools whose calls come to a door; None: all come to this one
        self.gates = gates

    def place(self, config: RunnableConfig | None, *, state: Any, call_id: str | None) -> Place:
        """Where the call is made. Raises `InvalidInput` where it could not be parked."""
        place = place_of(config, state=state, call_id=call_id)
        if self.wait == "park":
            place.need_saved()
        if call_id is not None:
            begin(place.node, call_id)
        return place

    def call(
        self, *, name: str, arguments: dict[str, Any], call_id: str | None, place: Place, schema: Any,
        load: Callable[[Any], dict[str, Any]] | None, function: Callable[..., Any],
    ) -> ToolCall:  # fmt: skip
        return ToolCall(
            name=name, arguments=arguments, call_id=place.call_id(call_id or f"minted-{uuid.uuid4()}"),
            function=function, run=place.thread, schema=schema, load=load, dump_result=dumped, load_result=Recorded,
        )  # fmt: skip

    def tell(self, call: ToolCall, place: Place, *, comes_back: bool) -> Told:
        """Let it through, or raise LangGraph's pause. `comes_back`: after the pause the same call is made again."""
        if self.wait == "block":
            return self._look(call, None)
        others = [id for id, name in place.called if self.gates is None or name in self.gates]
        with inside(place.node):
            while True:
                told = self._look(call, 0)
                if told.kind != "open" or told.case_id is None:
                    return told
                if not comes_back:
                    self.client.cancel(told.case_id, reason=_NO_ID)
                    continue
                self._park(place, told.case_id)
                wait_for_others(place.node, others, place.threads)
                self._pause(call, told)

    async def atell(self, call: ToolCall, place: Place, *, comes_back: bool) -> Told:
        """The same for an event loop."""
        if self.wait == "block":
            return await self._alook(call, None)
        with beside(place.node) as others:
            while True:
                told = await self._alook(call, 0)
                if told.kind != "open" or told.case_id is None:
                    return told
                if not comes_back:
                    await self.client.aio.call("cancel", case_id=told.case_id, reason=_NO_ID)
                    continue
                await self._apark(place, told.case_id)
                await others.all_rest()
                self._pause(call, told)
                others.work()

    def _pause(self, call: ToolCall, told: Told) -> None:
        """Stop here, or come back from an earlier stop. What it answers is a wake-up and no decision."""
        said = {
            "case_id": told.case_id, "action": self.gate.settings.of(call.name).action, "digest": told.action_digest,
        }  # fmt: skip
        try:
            interrupt(said)
        except AssertionError:
            # one bare answer for several calls on threads of one node: whoever was handed it wrongly stops again
            interrupt(said)

    def _park(self, place: Place, case_id: str) -> None:
        if _collected(place, case_id):
            return
        try:
            self.client.park(**_parked(place, case_id))
        except HandrailError:
            log.exception("the thread %s could not be parked; it goes on when it is resumed by hand", place.thread)

    async def _apark(self, place: Place, case_id: str) -> None:
        if _collected(place, case_id):
            return
        try:
            await self.client.aio.park(**_parked(place, case_id))
        except HandrailError:
            log.exception("the thread %s could not be parked; it goes on when it is resumed by hand", place.thread)

    def _look(self, call: ToolCall, wait: float | None) -> Told:
        if call.name not in self.delegates:
            return _explained(call, self.gate.tell(call, wait=wait))
        told = self.gate.ask(call)
        if told.case_id is None or told.kind not in ("open", "ready"):
            return told
        return _allowed(call, told, self.client.decision(told.case_id, timeout=wait))

    async def _alook(self, call: ToolCall, wait: float | None) -> Told:
        if call.name not in self.delegates:
            return _explained(call, await self.gate.atell(call, wait=wait))
        told = await self.gate.aask(call)
        if told.case_id is None or told.kind not in ("open", "ready"):
            return told
        return _allowed(call, told, await self.client.aio.decision(told.case_id, timeout=wait))


_NO_ID = "the call has no id, so nothing could come back for the answer"


def _collected(place: Place, case_id: str) -> bool:
    collecting = waking.get()
    if collecting is not None:
        collecting.add(place.state(), case_id)
    return collecting is not None


def _parked(place: Place, case_id: str) -> dict[str, Any]:
    return {
        "run": place.thread, "framework": FRAMEWORK, "cases": [case_id], "state": place.state(), "wakes": "any",
        "join": True,
    }  # fmt: skip


def _allowed(call: ToolCall, told: Told, decision: Decision | None) -> Told:
    """What becomes of a call that runs an agent of its own. `ready` has the stored arguments as its value."""
    if decision is None:
        return told
    if decision.kind == "responded":
        return replace(told, kind="answered", value=decision.value)
    if decision.kind != "approved":
        # decided while we waited: asking again says it in words
        return told
    try:
        stored = call.loaded(decision.arguments)
    except HandrailError as error:
        return replace(told, kind="refused", code=error.code, text=f"[handrail] Not executed: {error}. {error.remedy}")
    notice = f"[handrail] A reviewer changed this call before it ran; it ran with {quoted(stored)}."
    return replace(told, kind="ready", value=stored, edited=decision.edited, text=notice if decision.edited else "")


def _explained(call: ToolCall, told: Told) -> Told:
    if told.kind != "unknown" or not isinstance(told.error, GraphBubbleUp):
        return told
    log.error("the tool %s paused inside: gate its own tools, and name it in delegates=", call.name)
    return replace(told, text=f"{told.text} The tool paused inside, which a gated tool may do only as a delegate.")
