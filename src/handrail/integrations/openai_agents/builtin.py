"""Asking for the SDK's own tools that run here: shell, patches, custom tools."""

from __future__ import annotations

import inspect
import json
from dataclasses import asdict, replace
from typing import Any

from agents import (
    ApplyPatchTool,
    CustomTool,
    RunContextWrapper,
    ShellActionRequest,
    ShellCallOutcome,
    ShellCommandOutput,
    ShellCommandRequest,
    ShellResult,
    ShellTool,
)
from agents.editor import ApplyPatchOperation, ApplyPatchResult
from agents.items import ToolApprovalItem
from agents.tool_context import ToolContext

from handrail.canonical import JSON
from handrail.client.run import current_run
from handrail.client.toolcall import ToolCall, ToolGate
from handrail.errors import Conflict
from handrail.integrations.openai_agents.asking import Asking
from handrail.integrations.openai_agents.outputs import shown, with_notice

SHELL_SCHEMA: JSON = {
    "type": "object",
    "properties": {
        "commands": {"type": "array", "items": {"type": "string"}, "minItems": 1},
        "timeout_ms": {"type": ["integer", "null"], "minimum": 1},
        "max_output_length": {"type": ["integer", "null"], "minimum": 0},
    },
    "required": ["commands"],
    "additionalProperties": False,
}
PATCH_SCHEMA: JSON = {
    "type": "object",
    "properties": {
        "type": {"enum": ["create_file", "update_file", "delete_file"]},
        "path": {"type": "string", "minLength": 1},
        "diff": {"type": ["string", "null"]},
        "move_to": {"type": ["string", "null"]},
    },
    "required": ["type", "path"],
    "additionalProperties": False,
}
INPUT_SCHEMA: JSON = {
    "type": "object", "properties": {"input": {"type": "string"}}, "required": ["input"], "additionalProperties": False,
}  # fmt: skip


class AskingShell(Asking):
    """Shell tools that run here."""

    def __init__(self, gate: ToolGate, tool: ShellTool, wait: float | None):
        super().__init__(gate, tool.name, SHELL_SCHEMA, wait)
        self._executor = tool.executor

    async def __call__(self, context: RunContextWrapper[Any], action: ShellActionRequest, call_id: str) -> bool:
        return await self.asks(self.call(asdict(action), call_id))

    def waiting(self, item: ToolApprovalItem) -> list[ToolCall]:
        # the same reading of the model's spelling as the SDK's own
        action = _raw(item.raw_item, "action")
        timeouts = [_raw(action, name) for name in ("timeout_ms", "timeoutMs", "timeout")]
        longest = [_raw(action, name) for name in ("max_output_length", "maxOutputLength")]
        given = {
            "commands": [str(command) for command in _raw(action, "commands") or () if command is not None],
            "timeout_ms": next(filter(None, timeouts), None),
            "max_output_length": next((int(n) for n in longest if isinstance(n, int | float)), None),
        }
        return [self.call(given, item.call_id or "")]

    async def run(self, request: ShellCommandRequest) -> str | ShellResult:
        """`executor` of the gated tool."""

        async def act(**stored: Any) -> Any:
            assert self._executor is not None
            data = replace(request.data, action=ShellActionRequest(**stored))
            made = self._executor(replace(request, data=data))
            return await made if inspect.isawaitable(made) else made

        call = self.call(asdict(request.data.action), request.data.call_id, act, dump_result=_dump_shell)
        told = await self.tell(replace(call, load_result=_load_shell))
        if not told.ok:
            return told.text
        if isinstance(told.value, ShellResult):
            notice = [ShellCommandOutput(stdout=told.text)] if told.text else []
            return replace(told.value, output=[*told.value.output, *notice])
        return "\n".join(filter(None, (shown(told.value), told.text)))


class AskingPatch(Asking):
    """Patch tools. Each operation of a call is a case of its own."""

    def __init__(self, gate: ToolGate, tool: ApplyPatchTool, wait: float | None):
        super().__init__(gate, tool.name, PATCH_SCHEMA, wait)
        self._editor = tool.editor
        # an editor is not told the id of its call: which calls of a run may make which change now
        self._admitted: dict[tuple[str | None, str], list[str]] = {}

    async def __call__(self, context: RunContextWrapper[Any], operation: ApplyPatchOperation, call_id: str) -> bool:
        pauses = await self.asks(self.call(_patch(operation), call_id))
        if not pauses:
            self._admit(operation, call_id)
        return pauses

    def waiting(self, item: ToolApprovalItem) -> list[ToolCall]:
        return [self.call(_patch(each), item.call_id or "") for each in _operations(item)]

    def admit(self, item: ToolApprovalItem) -> None:
        for each in _operations(item):
            self._admit(each, item.call_id or "")

    async def create_file(self, operation: ApplyPatchOperation) -> ApplyPatchResult:
        """The editor of the gated tool."""
        return await self._edit(operation)

    async def update_file(self, operation: ApplyPatchOperation) -> ApplyPatchResult:
        """The editor of the gated tool."""
        return await self._edit(operation)

    async def delete_file(self, operation: ApplyPatchOperation) -> ApplyPatchResult:
        """The editor of the gated tool."""
        return await self._edit(operation)

    async def _edit(self, operation: ApplyPatchOperation) -> ApplyPatchResult:
        async def act(**stored: Any) -> JSON:
            made = replace(operation, **{"diff": None, "move_to": None, **stored})
            result = getattr(self._editor, made.type)(made)
            result = await result if inspect.isawaitable(result) else result
            return asdict(result) if isinstance(result, ApplyPatchResult) else {"status": None, "output": result}

        call_ids = self._admitted.get(_content(operation))
        if not call_ids:
            raise Conflict(
                f"this change of {operation.path} was approved in the SDK's run state, and nobody decided it"
            )
        told = await self.tell(self.call(_patch(operation), call_ids.pop(0), act))
        if not told.ok:
            return ApplyPatchResult(status="failed", output=told.text)
        # what was too large to be kept whole is a text
        value = told.value if told.kind == "ran" and isinstance(told.value, dict) else {"output": shown(told.value)}
        output = "\n".join(filter(None, (value.get("output"), told.text)))
        return ApplyPatchResult(
            status="failed" if value.get("status") == "failed" else "completed", output=output or None
        )

    def _admit(self, operation: Any, call_id: str) -> None:
        call_ids = self._admitted.setdefault(_content(operation), [])
        if call_id not in call_ids:
            call_ids.append(call_id)


class AskingCustom(Asking):
    """Custom tools, whose input is one text."""

    def __init__(self, gate: ToolGate, tool: CustomTool, wait: float | None):
        super().__init__(gate, tool.name, INPUT_SCHEMA, wait)
        self._invoke = tool.on_invoke_tool

    async def __call__(self, context: RunContextWrapper[Any], text: str, call_id: str) -> bool:
        return await self.asks(self.call({"input": text}, call_id))

    def waiting(self, item: ToolApprovalItem) -> list[ToolCall]:
        return [self.call({"input": _raw(item.raw_item, "input")}, item.call_id or "")]

    async def run(self, context: ToolContext[Any], text: str) -> Any:
        """`on_invoke_tool` of the gated tool."""

        async def act(input: str) -> Any:
            made = self._invoke(context, input)
            return await made if inspect.isawaitable(made) else made

        told = await self.tell(self.call({"input": text}, context.tool_call_id, act))
        if not told.ok:
            return told.text
        return with_notice(shown(told.value), told.text) if told.text else told.value


def _raw(item: Any, name: str) -> Any:
    return item.get(name) if isinstance(item, dict) else getattr(item, name, None)


def _operations(item: ToolApprovalItem) -> list[Any]:
    several = _raw(item.raw_item, "operations")
    return several if isinstance(several, list) else [_raw(item.raw_item, "operation")]


def _patch(operation: Any) -> dict[str, JSON]:
    return {name: _raw(operation, name) for name in ("type", "path", "diff", "move_to")}


def _content(operation: Any) -> tuple[str | None, str]:
    run = current_run()
    return (None if run is None else run.id), json.dumps(_patch(operation))


def _dump_shell(result: str | ShellResult) -> JSON:
    return {"shell": asdict(result)} if isinstance(result, ShellResult) else result


def _load_shell(stored: JSON) -> Any:
    if not isinstance(stored, dict) or "shell" not in stored:
        return stored
    result: Any = stored["shell"]
    output = [ShellCommandOutput(**{**one, "outcome": ShellCallOutcome(**one["outcome"])}) for one in result["output"]]
    return ShellResult(**{**result, "output": output})
