"""Tools that ask before they act: the same name, description and schema, in LangChain's own type."""

from __future__ import annotations

import functools
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, NoReturn

from langchain_core.runnables import RunnableConfig
from langchain_core.tools import BaseTool
from langchain_core.tools import tool as made_of
from langgraph.prebuilt import ToolRuntime
from pydantic import PrivateAttr

from handrail.client.client import Client
from handrail.client.terms import Computed
from handrail.client.toolcall import Told, ToolCall
from handrail.errors import InvalidInput
from handrail.integrations.langgraph import asked, results
from handrail.integrations.langgraph.door import Door, Wait
from handrail.integrations.langgraph.place import Place

# names of all tools that were gated: tools of several doors may stand in one node
_gated: set[str] = set()


def gate(
    hr: Client, tools: Sequence[BaseTool | Callable[..., Any]], *, wait: Wait = "park",
    terms: Mapping[str, Mapping[str, Computed]] | None = None, agent: str | None = None,
    delegates: Collection[str] = (), **says: Computed,
) -> list[BaseTool]:  # fmt: skip
    """The same tools, gated: give them to `create_agent`, `ToolNode` or your own node instead of the bare ones.

    `wait`: "park" stops the graph with `interrupt` until a waker resumes it (the graph needs a checkpointer and a
    thread_id); "block" waits inside the call. `terms` says by tool name what `says` says for all: `action`,
    `tool_class`, `confidence`, `amount`, `undo`, `preview` and so on, as in `Client.gate`. `delegates` are tools
    that run an agent of their own with gated tools, and so pause inside: approving one lets its agent begin, and
    what that agent does is asked for call by call.

    Raises `InvalidInput` for a tool that runs at the provider, and for terms that a proposal cannot hold.
    """
    made = [_tool(tool) for tool in tools]
    _gated.update(tool.name for tool in made)
    door = Door(hr, wait=wait, terms=terms, agent=agent, delegates=delegates, says=says, gates=_gated)
    return [GatedTool.around(tool, door) for tool in made]


def ungated(tools: Sequence[BaseTool | Callable[..., Any] | dict[str, Any]]) -> list[str]:
    """The names of those that would run without asking."""
    bare = [tool for tool in tools if not isinstance(tool, GatedTool)]
    return [str(tool.get("name", tool)) if isinstance(tool, dict) else _tool(tool).name for tool in bare]


class GatedTool(BaseTool):
    """A tool behind a door. Every way of calling it goes through `invoke` or `ainvoke`."""

    inner: BaseTool
    _door: Door = PrivateAttr()

    @classmethod
    def around(cls, inner: BaseTool, door: Door) -> GatedTool:
        if isinstance(inner, GatedTool):
            raise InvalidInput(f"{inner.name} is gated already", remedy="Gate a tool once.")
        made = cls(
            inner=inner, name=inner.name, description=inner.description, args_schema=inner.args_schema,
            return_direct=inner.return_direct, response_format=inner.response_format, tags=inner.tags,
            metadata=inner.metadata, extras=inner.extras,
        )  # fmt: skip
        made._door = door
        return made

    def invoke(self, input: Any, config: RunnableConfig | None = None, **kwargs: Any) -> Any:
        """Propose the call, park or wait while people decide, run what was approved, once."""
        call_id, given, state = _read(self.inner, input)
        place = self._door.place(config, state=state, call_id=call_id)
        said, injected = asked.split(self.inner, given)

        def run(**arguments: Any) -> Any:
            return self.inner.invoke(_refilled(input, arguments, injected), config, **kwargs)

        call = self._call(said, call_id, place, run)
        told = self._door.tell(call, place, comes_back=call_id is not None)
        if told.kind == "ready":
            told = _ran(told, run(**told.value))
        return results.told(told, name=self.name, call_id=call_id)

    async def ainvoke(self, input: Any, config: RunnableConfig | None = None, **kwargs: Any) -> Any:
        """The same for an event loop."""
        call_id, given, state = _read(self.inner, input)
        place = self._door.place(config, state=state, call_id=call_id)
        said, injected = asked.split(self.inner, given)

        async def run(**arguments: Any) -> Any:
            return await self.inner.ainvoke(_refilled(input, arguments, injected), config, **kwargs)

        call = self._call(said, call_id, place, run)
        told = await self._door.atell(call, place, comes_back=call_id is not None)
        if told.kind == "ready":
            told = _ran(told, await run(**told.value))
        return results.told(told, name=self.name, call_id=call_id)

    def _call(self, said: dict[str, Any], call_id: str | None, place: Place, run: Callable[..., Any]) -> ToolCall:
        return self._door.call(
            name=self.name, arguments=said, call_id=call_id, place=place, schema=asked.schema_of(self.inner),
            load=asked.load(self.inner), function=run,
        )  # fmt: skip

    # --- what LangChain and LangGraph look at -------------------------------------------------

    @property
    def tool_call_schema(self) -> Any:
        return self.inner.tool_call_schema

    def get_input_schema(self, config: RunnableConfig | None = None) -> Any:
        return self.inner.get_input_schema(config)

    @property
    def func(self) -> Callable[..., Any]:
        """Not the function: its annotations, by which LangGraph knows what to inject. We want the state beside them."""
        found = getattr(self.inner, "func", None) or getattr(self.inner, "coroutine", None)

        def refuse(*args: Any, **kwargs: Any) -> NoReturn:
            _refuse()

        shown = refuse if found is None else functools.wraps(found)(refuse)
        # the tool's own comes last, and then it is the one that is filled in
        shown.__annotations__ = {_OURS: ToolRuntime, **getattr(found, "__annotations__", {})}
        return shown

    def _run(self, *args: Any, **kwargs: Any) -> Any:
        _refuse()


# a parameter that no tool has
_OURS = "handrail_runtime"


def _refuse(*args: Any, **kwargs: Any) -> NoReturn:
    raise InvalidInput("this tool is gated", remedy="Call its invoke or ainvoke.")


def _tool(tool: BaseTool | Callable[..., Any]) -> BaseTool:
    if isinstance(tool, BaseTool):
        return tool
    if not callable(tool):
        raise InvalidInput(
            f"{tool!r} is run by the model's provider, where nothing can stop it",
            remedy="Leave it out of gate(), and out of the agent if it must not run unasked.",
        )
    return made_of(tool)


def _read(tool: BaseTool, input: Any) -> tuple[str | None, Mapping[str, Any], Any]:
    """A call's id, if it has one, its arguments, and the state of the graph around it, if that was injected."""
    if isinstance(input, dict) and input.get("type") == "tool_call":
        given = input["args"]
        state = next((value.state for value in given.values() if isinstance(value, ToolRuntime)), None)
        return input["id"], {name: value for name, value in given.items() if name != _OURS}, state
    if isinstance(input, dict):
        return None, input, None
    (name, *more) = tool.args
    if more:
        raise InvalidInput(f"{tool.name} takes {len(more) + 1} arguments, not one text")
    return None, {name: input}, None


def _refilled(input: Any, arguments: Mapping[str, Any], injected: Mapping[str, Any]) -> dict[str, Any]:
    """The call as it came, with the stored arguments in place of the model's own."""
    filled = {**arguments, **injected}
    return {**input, "args": filled} if isinstance(input, dict) and input.get("type") == "tool_call" else filled


def _ran(told: Told, value: Any) -> Told:
    """What a delegate returned, told as any result."""
    return Told(kind="ran", case_id=told.case_id, value=value, text=told.text, code=told.code, edited=told.edited)
