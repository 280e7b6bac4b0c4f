"""Tools that cannot be wrapped: the same door around `ToolNode`'s own handling of a call."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from langchain_core.messages import ToolMessage
from langgraph.prebuilt.tool_node import ToolCallRequest
from langgraph.types import Command
from pydantic import ValidationError

from handrail.canonical import JSON
from handrail.client.client import Client
from handrail.client.terms import Computed
from handrail.client.toolcall import ToolCall
from handrail.integrations.langgraph import asked, results
from handrail.integrations.langgraph.door import Door, Wait
from handrail.integrations.langgraph.place import Place
from handrail.integrations.langgraph.tool import GatedTool

Result = ToolMessage | Command[Any]


def wrap_tool_call(
    hr: Client, *, wait: Wait = "park", terms: Mapping[str, Mapping[str, Computed]] | None = None,
    agent: str | None = None, **says: Computed,
) -> dict[str, Callable[..., Any]]:  # fmt: skip
    """The two arguments with which a `ToolNode` gates every call it gets: `ToolNode(tools, **wrap_tool_call(hr))`.

    Wrapping the tools (`gate`) is stronger: it holds wherever a tool is called from. Parameters as of `gate`.
    """
    wrapper = Wrapper(Door(hr, wait=wait, terms=terms, agent=agent, delegates=(), says=says))
    return {"wrap_tool_call": wrapper.wrap, "awrap_tool_call": wrapper.awrap}


class Wrapper:
    """Lets a call through to `handler`, or not."""

    def __init__(self, door: Door):
        self._door = door

    def wrap(self, request: ToolCallRequest, handler: Callable[[ToolCallRequest], Result]) -> Result:
        if isinstance(request.tool, GatedTool):
            # it asks by itself
            return handler(request)

        def run(**arguments: JSON) -> Result:
            return handler(_with(request, arguments))

        made = self._call(request, run)
        if isinstance(made, ToolMessage):
            return made
        return self._told(request, self._door.tell(*made, comes_back=True))

    async def awrap(self, request: ToolCallRequest, handler: Callable[[ToolCallRequest], Awaitable[Result]]) -> Result:
        if isinstance(request.tool, GatedTool):
            return await handler(request)

        async def run(**arguments: JSON) -> Result:
            return await handler(_with(request, arguments))

        made = self._call(request, run)
        if isinstance(made, ToolMessage):
            return made
        return self._told(request, await self._door.atell(*made, comes_back=True))

    def _call(self, request: ToolCallRequest, run: Callable[..., Any]) -> tuple[ToolCall, Place] | ToolMessage:
        """The call to propose, or what the model is told of arguments that the tool cannot take."""
        call, tool = request.tool_call, request.tool
        place = self._door.place(request.runtime.config, state=request.state, call_id=call["id"])
        said: dict[str, JSON] = call["args"]
        if tool is not None:
            try:
                said, _ = asked.split(tool, said)
            except ValidationError as error:
                text = f"[handrail] Not executed: {call['name']} does not take these arguments: {error}"
                return ToolMessage(content=text, name=call["name"], tool_call_id=call["id"], status="error")
        made = self._door.call(
            name=call["name"], arguments=said, call_id=call["id"], place=place,
            schema=None if tool is None else asked.schema_of(tool), load=None if tool is None else asked.load(tool),
            function=run,
        )  # fmt: skip
        return made, place

    def _told(self, request: ToolCallRequest, told: Any) -> Result:
        made: Result = results.told(told, name=request.tool_call["name"], call_id=request.tool_call["id"] or "")
        return made


def _with(request: ToolCallRequest, arguments: Mapping[str, JSON]) -> ToolCallRequest:
    return request.override(tool_call={**request.tool_call, "args": dict(arguments)})
