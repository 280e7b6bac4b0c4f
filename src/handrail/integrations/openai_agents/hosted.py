"""Asking for hosted MCP tools: OpenAI calls them, so only the permission is ours."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Any

from agents import HostedMCPTool, MCPToolApprovalFunctionResult, MCPToolApprovalRequest
from agents.items import ToolApprovalItem

from handrail.canonical import JSON
from handrail.client.toolcall import Told, ToolCall, ToolGate, quoted
from handrail.integrations.openai_agents.asking import Asking, parsed

NOT_EDITED = (
    "[handrail] Not executed. A reviewer approved this call with other arguments, and a hosted tool cannot be given "
    "them. Do not issue this call again unless the user asks for it."
)
LET_GO_BEFORE = (
    "[handrail] This call was approved and let go before, and the run broke off. Whether it took effect is not known "
    "here. Do not issue this call again unless the user asks for it."
)


class AskingHosted(Asking):
    """The calls of one hosted MCP server. Actions are called `server_label.tool`."""

    def __init__(self, gate: ToolGate, tool: HostedMCPTool, wait: float | None):
        super().__init__(gate, str(tool.tool_config["server_label"]), {"type": "object"}, wait)

    def waiting(self, item: ToolApprovalItem) -> list[ToolCall]:
        raw: Any = item.raw_item
        return [self.named(item.name, item.arguments, raw["id"] if isinstance(raw, dict) else raw.id)]

    def named(self, tool: Any, arguments: str | None, call_id: str) -> ToolCall:
        """The call of one of the server's tools. Its effect here is that it is let go."""
        return replace(self.call(parsed(arguments), call_id), name=f"{self.name}.{tool}")

    async def released(self, call: ToolCall) -> Told:
        """Let it go if it may be, once. A call that would run with other arguments than approved may not.

        `ran` says that it is let go now. After a crash, or with an old snapshot, it is `unknown`: only OpenAI knows
        whether the first permission reached it.
        """
        told = await self.ask(call)
        if told.kind != "ready":
            return told
        if told.edited:
            return replace(told, kind="refused", text=NOT_EDITED)
        now: list[bool] = []

        def let_go(**_: JSON) -> JSON:
            now.append(True)
            return "let go"

        told = await self.gate.atell(replace(call, function=let_go))
        if told.kind == "answered":
            said = f"[handrail] Not executed. A person answered in the tool's stead: {quoted(told.value)}"
            return replace(told, kind="refused", text=said)
        if told.kind == "ran" and not now:
            return replace(told, kind="unknown", text=LET_GO_BEFORE)
        return told

    async def answer(self, request: MCPToolApprovalRequest) -> MCPToolApprovalFunctionResult:
        """`on_approval_request` of a gated tool that waits."""
        call = self.named(request.data.name, request.data.arguments, request.data.id)
        told = await self.released(call)
        if told.kind == "open":
            # here the run waits, as the tool cannot
            await self.gate.client.aio.decision(told.case_id or "", None)
            told = await self.released(call)
        if told.kind == "ran":
            return {"approve": True}
        return {"approve": False, "reason": told.text}


@dataclass
class GatedHostedMCP(HostedMCPTool):
    """A hosted MCP tool whose every call needs approval."""

    asking: AskingHosted | None = None

    @classmethod
    def of(cls, gate: ToolGate, tool: HostedMCPTool, wait: float | None) -> GatedHostedMCP:
        asking = AskingHosted(gate, tool, wait)
        kept: dict[str, Any] = {field.name: getattr(tool, field.name) for field in fields(HostedMCPTool)}
        config = {**kept["tool_config"], "require_approval": "always"}
        return cls(**{
            **kept, "tool_config": config, "on_approval_request": asking.answer if wait is None else None,
            "asking": asking,
        })  # fmt: skip
