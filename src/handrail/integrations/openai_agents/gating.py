"""The gate: the same tools, each of which asks before it acts."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, Literal

from agents import Agent, ApplyPatchTool, CustomTool, FunctionTool, Handoff, HostedMCPTool, ShellTool, Tool

from handrail.client.client import Client
from handrail.client.terms import Computed
from handrail.client.toolcall import ToolGate
from handrail.errors import InvalidInput
from handrail.integrations.openai_agents.asking import Asking, AskingAgent, AskingFunction
from handrail.integrations.openai_agents.builtin import AskingCustom, AskingPatch, AskingShell
from handrail.integrations.openai_agents.hosted import GatedHostedMCP


def gate(
    hr: Client, tools: Sequence[Tool], *, wait: Literal["park", "block"] = "park",
    terms: Mapping[str, Mapping[str, Computed]] | None = None, agent: str | None = None, **says: Computed,
) -> list[Tool]:  # fmt: skip
    """The same tools, gated: function tools, agents as tools, shell, patch, custom and hosted MCP tools.

    With `wait="park"` a call that people must decide interrupts the run, see `run` and `waker`; with `"block"` the
    call waits inside the tool. `terms` and `says` are those of `ToolGate`. Raises `InvalidInput` for tools that
    OpenAI runs itself and nobody can hold back.
    """
    toolgate = ToolGate(hr, terms=terms, agent=agent, comes_back=wait == "park", **says)
    return [_gated(toolgate, tool, 0 if wait == "park" else None) for tool in tools]


def ungated(agent: Agent[Any]) -> list[str]:
    """The names of tools that this agent, its agents as tools, and those it hands over to, can call without a gate.

    Tools of `mcp_servers` come at run time and count as one name, that of the server.
    """
    found: list[str] = []
    for each in _agents(agent, set()):
        bare = [tool.name for tool in each.tools if not _is_gated(tool)]
        found += [name for name in [*bare, *(server.name for server in each.mcp_servers)] if name not in found]
    return found


def asking_of(tool: Tool) -> Asking | None:
    """What asks for a gated tool."""
    found = getattr(tool, "asking" if isinstance(tool, GatedHostedMCP) else "needs_approval", None)
    return found if isinstance(found, Asking) else None


def _gated(gate: ToolGate, tool: Tool, wait: float | None) -> Tool:
    if asking_of(tool) is not None:
        return tool
    if isinstance(tool, FunctionTool):
        function = (AskingAgent if _agent_of(tool) is not None else AskingFunction)(gate, tool, wait)
        made = copy.copy(tool)
        made.needs_approval, made.on_invoke_tool = function, function.run
        # a wait for people is not the tool's own time: that is kept around its effect
        made.timeout_seconds = None
        return made
    if isinstance(tool, ShellTool) and tool.executor is not None:
        shell = AskingShell(gate, tool, wait)
        return replace(tool, needs_approval=shell, executor=shell.run, on_approval=None)
    if isinstance(tool, ApplyPatchTool):
        patch = AskingPatch(gate, tool, wait)
        return replace(tool, needs_approval=patch, editor=patch, on_approval=None)
    if isinstance(tool, CustomTool):
        custom = AskingCustom(gate, tool, wait)
        return replace(tool, needs_approval=custom, on_invoke_tool=custom.run, on_approval=None)
    if isinstance(tool, HostedMCPTool):
        return GatedHostedMCP.of(gate, tool, wait)
    raise InvalidInput(
        f"{tool.name} runs where nobody can hold it back",
        remedy="Give the agent a tool that runs here in its stead, or leave it ungated on purpose.",
    )


def _is_gated(tool: Tool) -> bool:
    return asking_of(tool) is not None or (isinstance(tool, FunctionTool) and _agent_of(tool) is not None)


def _agents(agent: Agent[Any], seen: set[int]) -> Iterator[Agent[Any]]:
    if id(agent) in seen:
        return
    seen.add(id(agent))
    yield agent
    # what a handoff leads to when it is made by `handoff()` is known at run time only
    beside = [other for other in agent.handoffs if not isinstance(other, Handoff)]
    within = [_agent_of(tool) for tool in agent.tools if isinstance(tool, FunctionTool)]
    for other in [*beside, *filter(None, within)]:
        yield from _agents(other, seen)


def _agent_of(tool: FunctionTool) -> Agent[Any] | None:
    """The agent behind `Agent.as_tool`. The SDK keeps it in a private field only."""
    return tool._agent_instance  # type: ignore[no-any-return]
