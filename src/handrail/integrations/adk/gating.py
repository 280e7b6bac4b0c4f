"""Tools that ask before they act: the same name, description and schema, in ADK's own type."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, Literal

from google.adk.agents import BaseAgent, LlmAgent
from google.adk.agents.readonly_context import ReadonlyContext
from google.adk.models.llm_request import LlmRequest
from google.adk.tools.base_tool import BaseTool
from google.adk.tools.base_toolset import BaseToolset
from google.adk.tools.function_tool import FunctionTool
from google.adk.tools.tool_confirmation import ToolConfirmation
from google.adk.tools.tool_context import ToolContext
from google.genai import types

from handrail.canonical import JSON
from handrail.client.client import Client
from handrail.client.terms import Computed
from handrail.client.toolcall import Told, ToolCall, ToolGate
from handrail.errors import Conflict, HandrailError, InvalidInput
from handrail.integrations.adk.place import FRAMEWORK, Place, place_of
from handrail.integrations.adk.results import dump_result, result_of
from handrail.integrations.adk.resuming import resuming

log = logging.getLogger("handrail.adk")

Wait = Literal["park", "block"]
AnyTool = Callable[..., Any] | BaseTool | BaseToolset


def gate(
    hr: Client, tools: Sequence[AnyTool], *, wait: Wait = "park",
    terms: Mapping[str, Mapping[str, Computed]] | None = None, agent: str | None = None, **says: Computed,
) -> list[BaseTool | BaseToolset]:  # fmt: skip
    """The same tools, gated: `LlmAgent(tools=gate(hr, [pay, note]))`. Takes functions, tools and toolsets.

    `wait`: "park" asks for ADK's confirmation, and `waker` gives it when the call is decided (the app must be
    resumable); "block" waits inside the call. `terms` and `says` are those of `ToolGate`. Raises `InvalidInput` for
    tools that the model's provider runs.
    """
    if wait not in ("park", "block"):
        raise InvalidInput(f'wait is "park" or "block", not {wait!r}')
    gated = ToolGate(hr, terms=terms, agent=agent, comes_back=wait == "park", **says)
    return [_gated(gated, each, wait) for each in tools]


def ungated(agent: BaseAgent) -> list[str]:
    """The names of tools that this agent and its sub-agents run without asking. A toolset counts by its class."""
    return list(dict.fromkeys(name for each in _agents(agent) for name in _bare(each)))


class GatedTool(BaseTool):
    """A tool behind the gate. Made by `gate`."""

    def __init__(self, gate: ToolGate, inner: BaseTool, wait: Wait):
        super().__init__(
            name=inner.name, description=inner.description, is_long_running=inner.is_long_running,
            custom_metadata=inner.custom_metadata,
        )  # fmt: skip
        self._gate = gate
        self._inner = inner
        self._wait = wait
        self._schema = _schema(inner)

    def _get_declaration(self) -> types.FunctionDeclaration | None:
        return self._inner._get_declaration()

    async def process_llm_request(self, *, tool_context: ToolContext, llm_request: LlmRequest) -> None:
        """As the inner tool does, but what the model calls is this one."""
        if type(self._inner).process_llm_request is BaseTool.process_llm_request:
            await super().process_llm_request(tool_context=tool_context, llm_request=llm_request)
            return
        await self._inner.process_llm_request(tool_context=tool_context, llm_request=llm_request)
        llm_request.tools_dict[self.name] = self

    async def run_async(self, *, args: dict[str, Any], tool_context: ToolContext) -> Any:
        """Propose the call, park or wait while people decide, run what was approved, once."""
        place = place_of(tool_context)
        told = await self._tell(args, tool_context, place)
        if told.kind != "open" or told.case_id is None:
            return result_of(told)
        if tool_context.tool_confirmation is not None:
            # any result would use the confirmation up; an error ends the run, and it can be given again
            raise Conflict(
                f"{self.name} was confirmed in ADK, and case {told.case_id} is not decided",
                remedy="Nothing ran. Answer the case; the waker then goes on with the session.",
            )
        await self._park(told.case_id, place)
        tool_context.request_confirmation(
            payload={"case_id": told.case_id, "action": self.name, "digest": told.action_digest}
        )
        return {"status": "pending", "case_id": told.case_id, "handrail": told.text}

    async def _tell(self, args: dict[str, Any], context: ToolContext, place: Place) -> Told:
        async def act(**stored: JSON) -> Any:
            # a tool of ADK's own that asks for confirmation too has it hereby
            context.tool_confirmation = ToolConfirmation(confirmed=True)
            return await self._inner.run_async(args=stored, tool_context=context)

        try:
            if self._wait == "park":
                place.need_resumable()
            call = ToolCall(
                name=self.name, arguments=args, schema=self._schema, function=act, run=place.run,
                call_id=place.call_id(context.function_call_id or ""), dump_result=dump_result,
            )  # fmt: skip
            call.loaded(args)
        except HandrailError as error:
            return Told(kind="refused", code=error.code, text=f"[handrail] Not executed: {error}. {error.remedy}")
        confirmation = context.tool_confirmation
        told = await self._gate.atell(call, wait=0 if self._wait == "park" else None)
        context.tool_confirmation = confirmation
        if told.kind == "unknown" and context.actions.requested_tool_confirmations:
            return replace(told, text=f"{told.text} The tool asked for a confirmation itself.")
        return told

    async def _park(self, case_id: str, place: Place) -> None:
        pause = resuming.get()
        if pause is not None:
            pause.add(place.state(), case_id)
            return
        try:
            await self._gate.client.aio.park(
                run=place.run, framework=FRAMEWORK, cases=[case_id], state=place.state(), wakes="any", join=True
            )
        except HandrailError:
            log.exception("the session %s could not be parked; it goes on when it is confirmed by hand", place.run)


class GatedToolset(BaseToolset):
    """The tools of a toolset, such as an MCP server, each gated as it is listed."""

    def __init__(self, inner: BaseToolset, wrap: Callable[[BaseTool], BaseTool]):
        super().__init__()
        self._inner = inner
        self._wrap = wrap

    async def get_tools(self, readonly_context: ReadonlyContext | None = None) -> list[BaseTool]:
        return [self._wrap(tool) for tool in await self._inner.get_tools_with_prefix(readonly_context)]

    async def process_llm_request(self, *, tool_context: ToolContext, llm_request: LlmRequest) -> None:
        await self._inner.process_llm_request(tool_context=tool_context, llm_request=llm_request)

    async def close(self) -> None:
        await self._inner.close()

    def get_auth_config(self) -> Any:
        return self._inner.get_auth_config()


def _gated(gate: ToolGate, each: AnyTool, wait: Wait) -> Any:
    if isinstance(each, GatedTool | GatedToolset):
        return each
    if isinstance(each, BaseToolset):
        return GatedToolset(each, lambda made: _gated(gate, made, wait))
    inner = each if isinstance(each, BaseTool) else FunctionTool(each)
    if inner._get_declaration() is None:
        raise InvalidInput(
            f"{inner.name} is run by the model's provider, where nobody can hold it back",
            remedy="Give the agent a tool that runs here in its stead, or leave it ungated on purpose.",
        )
    return GatedTool(gate, inner, wait)


def _schema(inner: BaseTool) -> JSON:
    """The tool's own schema. Of functions, it takes no other names: they would be dropped without a word."""
    declared = inner._get_declaration()
    assert declared is not None
    found: Any = declared.parameters_json_schema
    if found is None and declared.parameters is not None:
        found = declared.parameters.json_schema.model_dump(mode="json", exclude_none=True)
    found = dict(found or {"type": "object"})
    if isinstance(inner, FunctionTool):
        found.setdefault("additionalProperties", False)
    return found


def _agents(agent: BaseAgent) -> Iterator[BaseAgent]:
    yield agent
    for other in agent.sub_agents:
        yield from _agents(other)


def _bare(agent: BaseAgent) -> Iterator[str]:
    for each in agent.tools if isinstance(agent, LlmAgent) else ():
        if not isinstance(each, GatedTool | GatedToolset):
            yield str(getattr(each, "name", None) or getattr(each, "__name__", type(each).__name__))
