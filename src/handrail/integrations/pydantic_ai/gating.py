"""The gate: a toolset around the tools, whose every call asks before it acts."""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from pydantic_ai import Agent, FunctionToolset, RunContext, Tool
from pydantic_ai.capabilities import AbstractCapability
from pydantic_ai.exceptions import ApprovalRequired, CallDeferred, ModelRetry, ToolFailed
from pydantic_ai.messages import ModelResponse, ToolCallPart
from pydantic_ai.toolsets import AbstractToolset, CombinedToolset, ExternalToolset, ToolsetTool, WrapperToolset
from pydantic_core import to_jsonable_python

from handrail.canonical import JSON
from handrail.client.client import Client
from handrail.client.terms import Computed
from handrail.client.toolcall import Told, ToolCall, ToolGate
from handrail.errors import Uncertain
from handrail.integrations.pydantic_ai.outputs import dump_output, load_output, with_notice

Wait = Literal["park", "block"]
Terms = Mapping[str, Mapping[str, Computed]]
# a tool that asks people has nothing to be gated
QUESTION = {"handrail": "question"}


class Unfit(Exception):
    """The tool's own check refuses the stored arguments; it was not called."""


# by these a tool of this framework says that it did nothing
FAILURES = (ModelRetry, ToolFailed, CallDeferred, Unfit)


def gate(
    hr: Client, tools: AbstractToolset[Any] | Sequence[Tool[Any] | Callable[..., Any]], *, wait: Wait = "park",
    terms: Terms | None = None, agent: str | None = None, **says: Computed,
) -> GatedToolset:  # fmt: skip
    """The same tools as a toolset for `Agent(toolsets=[…])`, gated: functions, `Tool`s or any toolset, MCP included.

    With `wait="park"` a call that people must decide ends the run with `DeferredToolRequests` (which must stand in
    the agent's `output_type`), see `run` and `waker`; with `"block"` the call waits. `terms` and `says` are those of
    `ToolGate`.
    """
    inner = tools if isinstance(tools, AbstractToolset) else FunctionToolset(list(tools))
    return GatedToolset(inner, _toolgate(hr, wait, terms, agent, says), wait)


@dataclass(init=False)
class Gate(AbstractCapability[Any]):
    """Gates everything that an agent can call: `Agent(capabilities=[Gate(hr)])`. Arguments as for `gate`.

    Put it last among the capabilities, so that none of them stands between the gate and the tools.
    """

    def __init__(
        self, hr: Client, *, wait: Wait = "park", terms: Terms | None = None, agent: str | None = None,
        **says: Computed,
    ):  # fmt: skip
        self._gate = _toolgate(hr, wait, terms, agent, says)
        self._wait: Wait = wait

    def get_wrapper_toolset(self, toolset: AbstractToolset[Any]) -> AbstractToolset[Any]:
        return GatedToolset(toolset, self._gate, self._wait)


@dataclass
class GatedToolset(WrapperToolset[Any]):
    """A toolset whose calls are proposed, decided, and run once as they were stored."""

    gate: ToolGate
    wait: Wait

    async def get_tools(self, ctx: RunContext[Any]) -> dict[str, ToolsetTool[Any]]:
        """The same tools. Those that need the framework's approval get ours in its stead."""
        tools = await super().get_tools(ctx)
        return {
            name: replace(tool, tool_def=replace(tool.tool_def, kind="function"))
            if tool.tool_def.kind == "unapproved"
            else tool
            for name, tool in tools.items()
        }

    async def call_tool(
        self, name: str, tool_args: dict[str, Any], ctx: RunContext[Any], tool: ToolsetTool[Any]
    ) -> Any:
        if is_question(tool):
            return await super().call_tool(name, tool_args, ctx, tool)
        call = self._call(name, tool_args, ctx, tool)
        told = await self.gate.atell(call, wait=0 if self.wait == "park" else None)
        if told.kind == "open":
            # whoever approved it in the framework, nobody has decided it: it pauses again
            raise ApprovalRequired({"case_id": told.case_id, "action": name, "digest": told.action_digest})
        if told.ok:
            return with_notice(told.value, told.text) if told.text else told.value
        raise _failure(told)

    def _call(
        self, name: str, tool_args: dict[str, Any], ctx: RunContext[Any], tool: ToolsetTool[Any]
    ) -> ToolCall:  # fmt: skip
        said, call_id = _as_said(ctx, tool_args)
        inner = super().call_tool

        async def act(**stored: Any) -> Any:
            if tool.args_validator_func is not None:
                await _checked(tool.args_validator_func, ctx, stored)
            try:
                # decided here: what the inner toolset would ask for is answered
                return await inner(name, stored, replace(ctx, tool_call_approved=True), tool)
            except ModelRetry as error:
                if isinstance(error.__context__, TimeoutError):
                    # the framework's form of a timeout: the tool may have done it all the same
                    raise Uncertain(error.message) from error
                raise

        return ToolCall(
            name=name, arguments=said, call_id=call_id, function=act, run=ctx.conversation_id,
            schema=tool.tool_def.parameters_json_schema, load=lambda stored: _validated(tool, ctx, stored),
            dump_result=dump_output, load_result=load_output,
        )  # fmt: skip


def ungated(agent: Agent[Any, Any]) -> list[str]:
    """The names of tools that this agent can call without a gate; where they come at run time, their toolset's label.

    `Gate` covers all of them, and is not seen from here: it joins them when a run begins.
    """
    return [name for toolset in agent.toolsets for name in _bare(toolset)]


def is_question(tool: ToolsetTool[Any]) -> bool:
    """A tool made by `ask`, or one that is run elsewhere altogether."""
    metadata = tool.tool_def.metadata or {}
    return tool.tool_def.kind == "external" or QUESTION.items() <= metadata.items()


def _toolgate(
    hr: Client, wait: Wait, terms: Terms | None, agent: str | None, says: Mapping[str, Computed]
) -> ToolGate:  # fmt: skip
    return ToolGate(hr, terms=terms, agent=agent, comes_back=wait == "park", failures=FAILURES, **says)


def _as_said(ctx: RunContext[Any], tool_args: dict[str, Any]) -> tuple[Any, str]:
    """The arguments as the model gave them, and the id of the call, told apart from earlier ones of that id."""
    parts = [
        part
        for message in ctx.messages
        if isinstance(message, ModelResponse)
        for part in message.parts
        if isinstance(part, ToolCallPart) and part.tool_call_id == ctx.tool_call_id
    ]
    call_id = ctx.tool_call_id or ""
    if len(parts) > 1:
        call_id = f"{call_id}#{len(parts)}"
    # a tool that calls tools by itself has no message of the model
    said = parts[-1].args_as_dict() if parts and parts[-1].tool_name == ctx.tool_name else tool_args
    return to_jsonable_python(said), call_id


def _validated(tool: ToolsetTool[Any], ctx: RunContext[Any], stored: JSON) -> dict[str, Any]:
    """Stored arguments as the tool takes them now. Raises what its validator raises."""
    return dict(tool.args_validator.validate_json(json.dumps(stored), context=ctx.validation_context))


async def _checked(validator: Callable[..., Any], ctx: RunContext[Any], arguments: dict[str, Any]) -> None:
    try:
        made = validator(ctx, **arguments)
        if inspect.isawaitable(made):
            await made
    except Exception as error:
        raise Unfit(str(error)) from error


def _failure(told: Told) -> Exception:
    """A refusal in the framework's own form: the model reads it and nobody tries again."""
    if told.kind == "failed" and isinstance(told.error, ModelRetry | CallDeferred):
        return told.error
    return ToolFailed(told.text)


def _bare(toolset: AbstractToolset[Any]) -> Iterator[str]:
    if isinstance(toolset, GatedToolset):
        return
    if isinstance(toolset, WrapperToolset):
        yield from _bare(toolset.wrapped)
    elif isinstance(toolset, CombinedToolset):
        for each in toolset.toolsets:
            yield from _bare(each)
    elif isinstance(toolset, FunctionToolset):
        yield from (name for name, tool in toolset.tools.items() if (tool.metadata or {}).get("handrail") is None)
    elif not isinstance(toolset, ExternalToolset):
        yield toolset.label
