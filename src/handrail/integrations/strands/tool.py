"""Tools that ask before they act: the same name, description and schema, in Strands' own type."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Literal, overload
from uuid import uuid4

from strands import Agent, ToolContext, tool
from strands.interrupt import InterruptException
from strands.tools import ToolProvider
from strands.tools.decorator import DecoratedFunctionTool
from strands.types._events import ToolInterruptEvent, ToolResultEvent, ToolStreamEvent
from strands.types.tools import AgentTool, ToolGenerator, ToolSpec, ToolUse

from handrail.canonical import JSON
from handrail.client.client import Client
from handrail.client.terms import Computed
from handrail.client.toolcall import Told, ToolCall, ToolGate
from handrail.errors import HandrailError, InvalidInput
from handrail.integrations.strands.place import FRAMEWORK, PREFIX, Place, place_of, resuming
from handrail.integrations.strands.results import dump_result, load_result, result_of

log = logging.getLogger("handrail.strands")

Wait = Literal["park", "block"]


def gate(
    hr: Client, tools: Sequence[Any], *, wait: Wait = "park",
    terms: Mapping[str, Mapping[str, Computed]] | None = None, agent: str | None = None, **says: Computed,
) -> list[Any]:  # fmt: skip
    """The same tools, gated: `Agent(tools=gate(hr, [pay, note]))`. Takes tools, functions and tool providers.

    `wait`: "park" interrupts the agent until `waker` resumes its session (the agent needs a session manager);
    "block" waits inside the call. `terms` and `says` are those of `ToolGate`. Raises `InvalidInput` for tools given
    as a path or a module: load them first.
    """
    if wait not in ("park", "block"):
        raise InvalidInput(f'wait is "park" or "block", not {wait!r}')
    gated = ToolGate(hr, terms=terms, agent=agent, comes_back=wait == "park", **says)
    return [_gated(gated, each, wait) for each in tools]


def ungated(agent: Agent) -> list[str]:
    """The names of this agent's tools that run without asking."""
    return [name for name, made in agent.tool_registry.registry.items() if not isinstance(made, GatedTool)]


class GatedTool(AgentTool):
    """A tool behind the gate. Made by `gate`."""

    def __init__(self, gate: ToolGate, inner: AgentTool, wait: Wait):
        super().__init__()
        self._gate = gate
        self._inner = inner
        self._wait = wait
        self._schema = _schema(inner)
        # of agents without a session: nothing of theirs outlives the process
        self._run = f"{FRAMEWORK}-{uuid4()}"

    @property
    def tool_name(self) -> str:
        return self._inner.tool_name

    @property
    def tool_spec(self) -> ToolSpec:
        return self._inner.tool_spec

    @property
    def tool_type(self) -> str:
        return self._inner.tool_type

    async def stream(self, tool_use: ToolUse, invocation_state: dict[str, Any], **kwargs: Any) -> ToolGenerator:
        """Propose the call, park or wait while people decide, run what was approved, once."""
        place = place_of(invocation_state["agent"], tool_use)
        events: asyncio.Queue[Any] = asyncio.Queue()
        telling = asyncio.ensure_future(self._tell(tool_use, place, events, invocation_state, kwargs))
        telling.add_done_callback(events.put_nowait)
        try:
            while (event := await events.get()) is not telling:
                yield event
            told = await telling
        finally:
            telling.cancel()
        if told.kind == "open" and told.case_id is not None:
            told = await self._pause(told, place)
        if told.kind == "open":
            yield _interrupt(told, tool_use, invocation_state, kwargs)
            return
        yield ToolResultEvent(result_of(told, tool_use["toolUseId"]))

    async def _tell(
        self, tool_use: ToolUse, place: Place, events: asyncio.Queue[Any], state: dict[str, Any], more: dict[str, Any]
    ) -> Told:
        async def act(**stored: JSON) -> Any:
            return await _last(self._inner.stream({**tool_use, "input": stored}, state, **more), events)

        try:
            if self._wait == "park":
                place.need_session()
            call = ToolCall(
                name=self.tool_name, arguments=tool_use["input"], schema=self._schema,
                call_id=place.call_id(tool_use["toolUseId"]), function=act, run=place.run or self._run,
                dump_result=dump_result, load_result=load_result,
            )  # fmt: skip
            call.loaded(call.arguments)
        except HandrailError as error:
            return Told(kind="refused", code=error.code, text=f"[handrail] Not executed: {error}. {error.remedy}")
        told = await self._gate.atell(call, wait=0 if self._wait == "park" else None)
        if told.kind == "unknown" and isinstance(told.error, InterruptException):
            return replace(told, text=f"{told.text} The tool paused inside, which a gated tool may not.")
        return told

    async def _pause(self, told: Told, place: Place) -> Told:
        """Park the session, or take the case back where nothing would come back for the answer."""
        assert told.case_id is not None
        hr = self._gate.client
        if place.turn is None:
            await hr.aio.call("cancel", case_id=told.case_id, reason="the call was not made by a model")
            return replace(told, kind="refused", text=_NO_TURN)
        pause = resuming.get()
        if pause is not None:
            pause.add(place.state(), told.case_id)
            return told
        try:
            await hr.aio.park(
                run=str(place.run), framework=FRAMEWORK, cases=[told.case_id], state=place.state(), wakes="any",
                join=True,
            )  # fmt: skip
        except HandrailError:
            log.exception("the session %s could not be parked; it goes on when it is resumed by hand", place.run)
        return told


class GatedProvider(ToolProvider):
    """The tools of a provider, such as an MCP client, each gated as it is loaded."""

    def __init__(self, inner: ToolProvider, wrap: Callable[[AgentTool], AgentTool]):
        self._inner = inner
        self._wrap = wrap

    async def load_tools(self, **kwargs: Any) -> Sequence[AgentTool]:
        return [self._wrap(made) for made in await self._inner.load_tools(**kwargs)]

    def add_consumer(self, consumer_id: Any, **kwargs: Any) -> None:
        self._inner.add_consumer(consumer_id, **kwargs)

    def remove_consumer(self, consumer_id: Any, **kwargs: Any) -> None:
        self._inner.remove_consumer(consumer_id, **kwargs)


_NO_TURN = (
    "[handrail] Not executed: a person would have to decide this call, and it was not made by a model, so nothing "
    'could come back for the answer. Gate the tool with wait="block" to call it from a program.'
)


@overload
def _gated(gate: ToolGate, each: AgentTool, wait: Wait) -> AgentTool: ...
@overload
def _gated(gate: ToolGate, each: Any, wait: Wait) -> Any: ...
def _gated(gate: ToolGate, each: Any, wait: Wait) -> Any:
    if isinstance(each, GatedTool | GatedProvider):
        return each
    if isinstance(each, AgentTool):
        return GatedTool(gate, each, wait)
    if isinstance(each, ToolProvider):
        return GatedProvider(each, lambda made: _gated(gate, made, wait))
    if isinstance(each, Agent):
        return GatedTool(gate, each.as_tool(), wait)
    if callable(each):
        return GatedTool(gate, tool(each), wait)
    raise InvalidInput(f"{each!r} is no tool yet", remedy="Import it, and give gate() the tool or the function itself.")


def _schema(inner: AgentTool) -> JSON:
    """The tool's own schema. Of functions, it takes no other names: they would be dropped without a word."""
    found: dict[str, Any] = dict(inner.tool_spec["inputSchema"].get("json", inner.tool_spec["inputSchema"]))
    if isinstance(inner, DecoratedFunctionTool):
        found.setdefault("additionalProperties", False)
    return found


async def _last(stream: ToolGenerator, events: asyncio.Queue[Any]) -> Any:
    """The result of a tool, which is the last thing it says. What it says before goes on to whoever listens."""
    last: Any = None
    async for event in stream:
        if isinstance(event, ToolInterruptEvent):
            raise InterruptException(event.interrupts[0])
        if isinstance(event, ToolResultEvent):
            if event.exception is not None:
                raise event.exception
            last = event.tool_result
            break
        if isinstance(event, ToolStreamEvent):
            events.put_nowait(event)
            continue
        # what is no event of Strands' own may be the result
        if last is not None:
            events.put_nowait(last)
        last = event
    if isinstance(last, dict) and last.get("status") == "error":
        # the tool failed after who knows what: a person settles whether it took effect
        raise RuntimeError(" ".join(str(part.get("text", part)) for part in last.get("content", [])))
    if not isinstance(last, dict) or "content" not in last:
        raise RuntimeError("the tool returned no result")
    return last


def _interrupt(told: Told, tool_use: ToolUse, state: dict[str, Any], more: dict[str, Any]) -> ToolInterruptEvent:
    """Strands' pause, under a name that no answer has yet: whatever was answered before only woke the session."""
    context = more.get("_tool_context") or ToolContext(tool_use, state["agent"], state)
    said = {"case_id": told.case_id, "action": tool_use["name"], "digest": told.action_digest}
    try:
        context.interrupt(f"{PREFIX}{uuid4()}", reason=said)
    except InterruptException as pause:
        return ToolInterruptEvent(tool_use, [pause.interrupt])
    raise AssertionError("an interrupt with a new name cannot have been answered")
