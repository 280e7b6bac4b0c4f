"""The gate: a hook before every tool of a session. Claude Code runs the tools, the hook says whether and with what."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Literal

# the schema that the SDK makes of a tool's Python types has no public name
from claude_agent_sdk import ClaudeAgentOptions, HookMatcher, SdkMcpTool, _build_input_schema, create_sdk_mcp_server

from handrail.canonical import JSON
from handrail.client.client import Client
from handrail.client.run import current_run
from handrail.client.terms import Computed
from handrail.client.toolcall import Told, ToolCall, ToolGate, quoted
from handrail.errors import HandrailError, InvalidInput
from handrail.integrations.claude_sdk.running import Running, dump_result, shown
from handrail.integrations.claude_sdk.schemas import BUILT_IN

FRAMEWORK = "claude-agent-sdk"
log = logging.getLogger("handrail.claude_sdk")

Wait = Literal["park", "block"]
HOLD_SECONDS = 3600.0
# a server without tools
LISTENER = "handrail"
# of the hook, beyond the time that a person has
SPARE_SECONDS = 60.0

ONE_AT_A_TIME = (
    "[handrail] Not executed, and not refused: another call of this turn waits for a person, and one call can wait "
    "at a time. Issue it again when that one has its result."
)
TOO_LATE = "[handrail] Not executed. Nobody decided in time. Do not issue this call again unless the user asks for it."


def gate(
    hr: Client, options: ClaudeAgentOptions, *, wait: Wait = "park", tools: str | None = None,
    own: Mapping[str, Sequence[SdkMcpTool[Any]]] | None = None, hold: float = HOLD_SECONDS,
    terms: Mapping[str, Mapping[str, Computed]] | None = None, agent: str | None = None, **says: Computed,
) -> ClaudeAgentOptions:  # fmt: skip
    """The same options with a hook before the tools: built-in ones, those of MCP servers, those of sub-agents.

    `wait`: "park" defers the call and ends the run, and `waker` resumes the session when the call is decided; "block"
    holds the hook for at most `hold` seconds. `tools` is a matcher of the SDK such as `"Bash|Edit|Write"`; without
    one every tool is asked for, and policy says which go by themselves. `own` are tools of this process by the name
    of their server, which is added to the options: `own={"shop": [pay]}`. `terms` (by the tool's name, as in
    `mcp__shop__pay`) and `says` are those of `ToolGate`.

    Raises `InvalidInput` when a server of that name is in the options already, or when they name a file of servers.
    """
    if wait not in ("park", "block"):
        raise InvalidInput(f'wait is "park" or "block", not {wait!r}')
    hooks = Hooks(ToolGate(hr, terms=terms, agent=agent, comes_back=wait == "park", **says), wait, hold)
    if not isinstance(options.mcp_servers, Mapping):
        raise InvalidInput("the options name a file of servers", remedy="Give `mcp_servers` as a mapping.")
    servers = {**options.mcp_servers}
    if servers.keys() & {*(own or {}), LISTENER}:
        raise InvalidInput("the options have servers that `own` would replace", remedy="Give each its own name.")
    # for a server of this process Claude Code waits until the hooks are told; without one it may take a resumed
    # session's call up before
    servers[LISTENER] = create_sdk_mcp_server(LISTENER)
    for name, mine in (own or {}).items():
        servers[name] = create_sdk_mcp_server(name, tools=[hooks.owned(name, each) for each in mine])
    before = HookMatcher(matcher=tools, hooks=[hooks.before], timeout=hold + SPARE_SECONDS, on_failure="block")
    added: dict[Any, list[HookMatcher]] = {
        "PreToolUse": [before],
        "PostToolUse": [HookMatcher(hooks=[hooks.after])],
        "PostToolUseFailure": [HookMatcher(hooks=[hooks.failed])],
        "UserPromptSubmit": [HookMatcher(hooks=[hooks.said])],
    }
    merged: Any = dict(options.hooks or {})
    for event, mine_too in added.items():
        merged[event] = [*merged.get(event, []), *mine_too]
    return replace(options, hooks=merged, mcp_servers=servers)


class Hooks:
    """The hooks of one set of options. None of them raises: what fails, refuses."""

    def __init__(self, gate: ToolGate, wait: Wait, hold: float):
        self._gate = gate
        self._wait = wait
        self._hold = hold
        self._schemas = dict(BUILT_IN)
        self._owned: set[str] = set()
        # calls that were let through and have not ended, by their id
        self._running: dict[str, Running] = {}
        # the call that a session waits with. A second one would make Claude Code forget the first
        self._deferred: dict[str, str] = {}
        # sessions that a waker of this process resumes, with the cases that they wait for in the end
        self.waking: dict[str, list[str]] = {}

    def owned(self, server: str, inner: SdkMcpTool[Any]) -> SdkMcpTool[Any]:
        """The same tool, which runs only what the hook has let through."""
        name = f"mcp__{server}__{inner.name}"
        self._owned.add(name)
        schema: dict[str, Any] = dict(_build_input_schema(inner))
        schema.setdefault("additionalProperties", False)
        self._schemas[name] = schema

        async def handler(arguments: Any) -> dict[str, Any]:
            running = self._admitted(name, arguments)
            if running is None:
                return _error("[handrail] Not executed: this call did not pass the hook.")
            made: dict[str, Any] = {}
            failed: Exception | None
            try:
                made = await inner.handler(arguments)
                failed = RuntimeError(shown(made.get("content"))) if made.get("is_error") else None
            except Exception as error:
                failed = error
            told = await running.end(made, failed)
            if not told.ok:
                return _error(told.text)
            notice = [{"type": "text", "text": told.text}] if told.text else []
            return {**made, "content": [*made.get("content", []), *notice]}

        return replace(inner, handler=handler)

    def resuming(self, session: str) -> list[str]:
        """A waker of this process resumes it; the list takes the cases that it waits for in the end."""
        # what is remembered may be an earlier pause, from which another process has woken it
        self._deferred.pop(session, None)
        return self.waking.setdefault(session, [])

    # --- hooks --------------------------------------------------------------------------------

    async def before(self, given: Any, tool_use_id: str | None, context: Any) -> Any:
        """`PreToolUse`."""
        try:
            return await self._before(given)
        except Exception as error:
            log.exception("the call %s could not be asked for", tool_use_id)
            return _decided("deny", f"[handrail] Not executed: {quoted(str(error))}.")

    async def after(self, given: Any, tool_use_id: str | None, context: Any) -> Any:
        """`PostToolUse`."""
        running = self._running.pop(given["tool_use_id"], None)
        told = None if running is None else await running.end(given.get("tool_response"))
        return _added("PostToolUse", told)

    async def failed(self, given: Any, tool_use_id: str | None, context: Any) -> Any:
        """`PostToolUseFailure`."""
        running = self._running.pop(given["tool_use_id"], None)
        told = None if running is None else await running.end(error=RuntimeError(str(given.get("error"))))
        return _added("PostToolUseFailure", told)

    async def said(self, given: Any, tool_use_id: str | None, context: Any) -> Any:
        """`UserPromptSubmit`: what the session waited for is taken back, unless it was resumed for that."""
        session = given["session_id"]
        if session not in self.waking:
            self._deferred.pop(session, None)
            try:
                await self._gate.client.aio.abandon(session, FRAMEWORK, reason="the user said something else")
            except Exception as error:
                log.warning("what the session %s waited for could not be taken back: %s", session, error)
        return {}

    # --- parts --------------------------------------------------------------------------------

    async def _before(self, given: Any) -> Any:
        session, id = given["session_id"], given["tool_use_id"]
        if self._deferred.get(session, id) != id:
            return _decided("deny", ONE_AT_A_TIME)
        running = Running(given["tool_name"])
        call = self._call(given, running)
        running.task = asyncio.ensure_future(
            self._gate.atell(call, wait=0 if self._wait == "park" else self._hold)
        )  # fmt: skip
        first: set[asyncio.Future[Any]] = {running.task, running.started}
        try:
            await asyncio.wait(first, return_when=asyncio.FIRST_COMPLETED)
        except asyncio.CancelledError:
            # the session ended while a person was asked
            running.task.cancel()
            raise
        if running.started.done():
            self._deferred.pop(session, None)
            self._running[id] = running
            return _decided("allow", "approved", updatedInput=running.started.result())
        told = running.task.result()
        if told.kind == "open" and told.case_id is not None:
            return await self._open(given, told.case_id)
        self._deferred.pop(session, None)
        return _decided("deny", _instead(told))

    async def _open(self, given: Any, case_id: str) -> Any:
        hr, session = self._gate.client, given["session_id"]
        if self._wait == "block":
            await hr.aio.call("cancel", case_id=case_id, reason="nobody decided in time")
            return _decided("deny", TOO_LATE)
        self._deferred[session] = given["tool_use_id"]
        if session in self.waking:
            self.waking[session].append(case_id)
        else:
            await self._park(given, case_id)
        return _decided("defer", case_id)

    async def _park(self, given: Any, case_id: str) -> None:
        kept: dict[str, Any] = {"session": given["session_id"], "cwd": given.get("cwd")}
        run = current_run()
        if run is not None:
            kept["run"] = {"id": run.id, "agent": run.agent, "user": run.user, "budget": run.budget}
        try:
            await self._gate.client.aio.park(
                run=given["session_id"], framework=FRAMEWORK, cases=[case_id], state=json.dumps(kept).encode()
            )
        except HandrailError:
            log.exception("the session %s could not be parked; it goes on when it is resumed by hand", kept["session"])

    def _call(self, given: Any, running: Running) -> ToolCall:
        name = given["tool_name"]
        schema = self._schemas.get(name, {"type": "object"})

        call = ToolCall(
            name=name, arguments=given["tool_input"], call_id=given["tool_use_id"], function=running.act,
            run=given["session_id"], schema=schema, dump_result=dump_result,
        )  # fmt: skip
        call.loaded(call.arguments)
        return call

    def _admitted(self, name: str, arguments: Any) -> Running | None:
        """The oldest call with these arguments that was let through: a handler is not told the id of its call."""
        for id, running in self._running.items():
            if running.tool == name and running.started.result() == arguments:
                return self._running.pop(id)
        return None


def _instead(told: Told) -> str:
    """Why it is not run, in the one place that Claude Code has for that."""
    if told.kind == "ran":
        return f"[handrail] It was carried out before, and is not run again. Its result: {shown(told.value)}"
    if told.kind == "answered":
        return f"[handrail] A person answered in the tool's stead: {shown(told.value)}"
    return told.text


def _decided(decision: str, reason: str, **more: JSON) -> Any:
    said = {"hookEventName": "PreToolUse", "permissionDecision": decision, "permissionDecisionReason": reason}
    return {"hookSpecificOutput": {**said, **more}}


def _added(event: str, told: Told | None) -> Any:
    if told is None or not told.text:
        return {}
    return {"hookSpecificOutput": {"hookEventName": event, "additionalContext": told.text}}


def _error(text: str) -> dict[str, Any]:
    return {"content": [{"type": "text", "text": text}], "is_error": True}
