"""Asking for a call: what stands in `needs_approval` of a gated tool."""

from __future__ import annotations

import asyncio
import copy
import json
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from typing import Any

from agents import FunctionTool, RunContextWrapper
from agents.items import ToolApprovalItem
from agents.tool import set_function_tool_failure_error_function
from agents.tool_context import ToolContext

from handrail.canonical import JSON
from handrail.client.toolcall import Told, ToolCall, ToolGate, quoted
from handrail.errors import Conflict, InvalidInput
from handrail.integrations.openai_agents.outputs import dump_output, shown, with_notice


class Asking(ABC):
    """Proposes the calls of one tool. The SDK calls it to learn whether a person must decide first."""

    def __init__(self, gate: ToolGate, name: str, schema: JSON, wait: float | None):
        self.gate = gate
        self.name = name
        self._schema = schema
        self._wait = wait

    @abstractmethod
    def waiting(self, item: ToolApprovalItem) -> list[ToolCall]:
        """The calls that a paused run waits with."""

    def admit(self, item: ToolApprovalItem) -> None:  # noqa: B027
        """The SDK is about to run it."""

    def call(self, arguments: Any, call_id: str, act: Callable[..., Any] | None = None, **more: Any) -> ToolCall:
        """A call of this tool. `act` runs it; it is not needed to ask."""
        return ToolCall(
            name=self.name, arguments=arguments, call_id=call_id, function=act or _cannot_run, schema=self._schema,
            dump_result=more.pop("dump_result", dump_output), **more,
        )  # fmt: skip

    async def asks(self, call: ToolCall) -> bool:
        """Whether the run must pause. What is refused is told by the tool itself."""
        # a call that waits in the tool never pauses the run
        return self._wait == 0 and (await self.ask(call)).kind == "open"

    async def ask(self, call: ToolCall) -> Told:
        """Propose it. What the tool cannot take is refused at once: nobody is asked about a call that cannot run."""
        return self._unfit(call) or await self.gate.aask(call)

    async def tell(self, call: ToolCall) -> Told:
        """Run it once if it is approved. Raises `Conflict` when the SDK let it through and nobody has decided."""
        told = self._unfit(call) or await self.gate.atell(call, wait=self._wait)
        if told.kind == "open":
            raise Conflict(
                f"{self.name} was approved in the SDK's run state, and case {told.case_id} is not decided",
                remedy="Nothing ran. Answer the case; `waker` then goes on with the run.",
            )
        return told

    def _unfit(self, call: ToolCall) -> Told | None:
        try:
            call.loaded(call.arguments)
        except InvalidInput as error:
            said = f"[handrail] Not executed: {quoted(str(error))}. Correct the arguments."
            return Told(kind="refused", code=error.code, error=error, text=said)
        return None


class AskingFunction(Asking):
    """Function tools, tools of MCP servers, and agents as tools."""

    def __init__(self, gate: ToolGate, tool: FunctionTool, wait: float | None):
        super().__init__(gate, tool.qualified_name, tool.params_json_schema, wait)
        # the SDK turns a tool's exception into text; here it says that nobody knows what happened
        self._inner = set_function_tool_failure_error_function(copy.copy(tool), None)
        self._inner.timeout_seconds = None
        self._timeout = tool.timeout_seconds
        self._typed = tool.output_json_schema is not None

    async def __call__(self, context: RunContextWrapper[Any], arguments: dict[str, Any], call_id: str) -> bool:
        return await self.asks(self.call(arguments, call_id))

    def waiting(self, item: ToolApprovalItem) -> list[ToolCall]:
        return [self.call(parsed(item.arguments), item.call_id or "")]

    async def run(self, context: ToolContext[Any], arguments: str) -> Any:
        """`on_invoke_tool` of the gated tool."""

        async def act(**stored: JSON) -> Any:
            return await asyncio.wait_for(self._invoke(context, stored), self._timeout)

        told = await self.tell(self.call(parsed(arguments), context.tool_call_id, act))
        if not told.ok:
            return told.text
        value = shown(told.value) if told.kind == "answered" else told.value
        # what a schema describes has no room for a notice
        return with_notice(value, told.text) if told.text and not self._typed else value

    async def _invoke(self, context: ToolContext[Any], arguments: Mapping[str, JSON]) -> Any:
        return await self._inner.on_invoke_tool(context, json.dumps(arguments, ensure_ascii=False))


class AskingAgent(AskingFunction):
    """Agents as tools. What is approved is letting the agent in; its own tools are gated by themselves.

    The nested run may pause and go on many times, so it cannot be one execution.
    """

    async def run(self, context: ToolContext[Any], arguments: str) -> Any:
        told = await self.tell(self.call(parsed(arguments), context.tool_call_id, dict))
        if told.kind != "ran":
            return shown(told.value) if told.ok else told.text
        value = await self._invoke(context, told.value)
        return value if value is None or not told.text else with_notice(value, told.text)


def parsed(text: str | None) -> Any:
    """The model's arguments. What is no JSON stays a text, which the gate refuses in words."""
    try:
        return json.loads(text or "{}")
    except ValueError:
        return text


def _cannot_run(**_: JSON) -> None:
    raise AssertionError("a call is asked for here and run elsewhere")
