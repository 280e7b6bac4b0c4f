"""Tools that are no functions: shell, patches, custom tools, MCP servers here and at OpenAI."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from agents import (
    Agent,
    ApplyPatchTool,
    CustomTool,
    HostedMCPTool,
    RunContextWrapper,
    Runner,
    RunResult,
    ShellCommandOutput,
    ShellCommandRequest,
    ShellResult,
    ShellTool,
)
from agents.editor import ApplyPatchOperation, ApplyPatchResult
from agents.mcp import MCPServerStdio, MCPUtil
from agents.testing import ModelStep, ScriptedModel, assistant_message
from openai.types.responses import ResponseCustomToolCall
from openai.types.responses.response_output_item import McpApprovalRequest

import handrail
from handrail.integrations.openai_agents import gate, run, ungated, waker

SERVER = """
from mcp.server import MCPServer
server = MCPServer("sums")

@server.tool()
def add(a: int, b: int) -> int:
    "Add."
    with open(r"{effects}", "a") as file:
        file.write(f"{{a}}+{{b}}\\n")
    return a + b

server.run()
"""


def agent_of(tools: Sequence[Any], *turns: Sequence[Any]) -> Agent[Any]:
    return Agent(name="clerk", tools=list(tools), model=ScriptedModel([*turns, [assistant_message("done")]]))


def shell_call(*commands: str, id: str = "c1") -> Any:
    action = {"commands": list(commands), "timeoutMs": 500, "timeout_ms": None, "max_output_length": None}
    return {"type": "shell_call", "id": id, "call_id": id, "action": action, "status": "completed"}


def patch_call(path: str, diff: str, id: str = "c1") -> Any:
    operation = {"type": "create_file", "path": path, "diff": diff}
    return {"type": "apply_patch_call", "id": id, "call_id": id, "operation": operation, "status": "completed"}


def outputs(result: RunResult) -> dict[str, Any]:
    return {item["call_id"]: item["output"] for item in result.to_input_list() if "output" in item}


def woken(hr: handrail.Client, agent: Agent[Any]) -> list[RunResult]:
    results: list[RunResult] = []
    one = waker(hr, agent, then=lambda _, result: results.append(result))
    while one.step():
        pass
    return results


@dataclass
class Shell:
    ran: list[list[str]] = field(default_factory=list)

    async def __call__(self, request: ShellCommandRequest) -> ShellResult:
        self.ran.append(request.data.action.commands)
        assert request.data.action.timeout_ms == 500
        return ShellResult(output=[ShellCommandOutput(stdout=" ".join(request.data.action.commands))])


class Editor:
    def __init__(self) -> None:
        self.made: list[tuple[str, str | None]] = []

    def create_file(self, operation: ApplyPatchOperation) -> ApplyPatchResult:
        self.made.append((operation.path, operation.diff))
        return ApplyPatchResult(output=f"made {operation.path}")

    update_file = delete_file = create_file


def test_shell_command_runs_as_edited_and_once(hr: handrail.Client, desk: handrail.Desk) -> None:
    shell = Shell()
    tools = gate(hr, [ShellTool(executor=shell)])
    agent = agent_of(tools, [shell_call("rm -rf build")])
    asyncio.run(run(hr, agent, "go", run="r1"))
    assert shell.ran == []
    desk.next().edit({"commands": ["rm -rf build/tmp"], "timeout_ms": 500})
    (result,) = woken(hr, agent)
    assert shell.ran == [["rm -rf build/tmp"]]
    said = "".join(part["stdout"] for part in outputs(result)["c1"])
    assert "A reviewer changed this call" in said
    # the same pause again, from the start: the recorded result
    again = agent_of(tools, [shell_call("rm -rf build")])
    result = asyncio.run(run(hr, again, "go", run="r1"))
    assert "rm -rf build/tmp" in "".join(part["stdout"] for part in outputs(result)["c1"])
    assert len(shell.ran) == 1


def test_shell_command_rejected_is_told_so(hr: handrail.Client, desk: handrail.Desk) -> None:
    shell = Shell()
    agent = agent_of(gate(hr, [ShellTool(executor=shell)]), [shell_call("rm -rf /")])
    asyncio.run(run(hr, agent, "go"))
    desk.next().reject("wrong")
    (result,) = woken(hr, agent)
    assert "wrong" in str(outputs(result)["c1"])
    assert shell.ran == []


def test_equal_patches_are_two_cases_and_two_effects(hr: handrail.Client, desk: handrail.Desk) -> None:
    editor = Editor()
    agent = agent_of(gate(hr, [ApplyPatchTool(editor=editor)]), [patch_call("a", "+x")], [patch_call("a", "+x", "c2")])
    asyncio.run(run(hr, agent, "go"))
    desk.next().approve()
    woken(hr, agent)
    assert editor.made == [("a", "+x")]
    desk.next().edit({"type": "create_file", "path": "a", "diff": "+y"})
    (result,) = woken(hr, agent)
    assert editor.made == [("a", "+x"), ("a", "+y")]
    assert "made a" in outputs(result)["c2"]
    assert "A reviewer changed this call" in outputs(result)["c2"]


def test_patch_whose_result_was_too_large_to_keep_is_told_again_as_a_text(
    hr: handrail.Client, desk: handrail.Desk
) -> None:
    class Wordy(Editor):
        def create_file(self, operation: ApplyPatchOperation) -> ApplyPatchResult:
            super().create_file(operation)
            return ApplyPatchResult(output="x" * 1_000_000)

    editor = Wordy()
    tools = gate(hr, [ApplyPatchTool(editor=editor)])
    asyncio.run(run(hr, agent_of(tools, [patch_call("a", "+x")]), "go", run="r1"))
    desk.next().approve()
    woken(hr, agent_of(tools, [patch_call("a", "+x")]))
    # the same pause again, from the start: the kept result, cut
    result = asyncio.run(run(hr, agent_of(tools, [patch_call("a", "+x")]), "go", run="r1"))
    assert "Only this much of the result was kept" in outputs(result)["c1"]
    assert len(editor.made) == 1


def test_patch_approved_in_the_sdk_alone_changes_nothing(hr: handrail.Client, desk: handrail.Desk) -> None:
    editor = Editor()
    agent = agent_of(gate(hr, [ApplyPatchTool(editor=editor)]), [patch_call("a", "+x")])

    async def story() -> RunResult:
        state = (await run(hr, agent, "go", run="r1")).to_state()
        for item in state.get_interruptions():
            state.approve(item)
        with hr.run(id="r1"):
            return await Runner.run(agent, state)

    result = asyncio.run(story())
    assert editor.made == []
    assert "nobody decided it" in str(result.to_input_list())


def test_custom_tool_runs_the_edited_text(hr: handrail.Client, desk: handrail.Desk) -> None:
    ran: list[str] = []

    def query(context: Any, text: str) -> str:
        ran.append(text)
        return "3 rows"

    call = ResponseCustomToolCall(type="custom_tool_call", call_id="c1", name="sql", input="drop table x")
    agent = agent_of(gate(hr, [CustomTool("sql", "SQL.", query)]), [call])
    asyncio.run(run(hr, agent, "go"))
    assert ran == []
    desk.next().edit({"input": "select 1"})
    (result,) = woken(hr, agent)
    assert ran == ["select 1"]
    assert outputs(result)["c1"].startswith("3 rows\n[handrail]")


def hosted() -> HostedMCPTool:
    config: Any = {
        "type": "mcp",
        "server_label": "wiki",
        "server_url": "https://wiki.example",
        "require_approval": "never",
    }
    return HostedMCPTool(tool_config=config)


REQUEST = McpApprovalRequest(
    id="m1", type="mcp_approval_request", name="delete", server_label="wiki", arguments='{"page": "home"}'
)


@pytest.mark.parametrize(("verdict", "approved"), [("approve", True), ("reject", False), ("edit", False)])
def test_hosted_tool_is_let_go_only_as_it_was_approved(
    hr: handrail.Client, desk: handrail.Desk, verdict: str, approved: bool
) -> None:
    (tool,) = gate(hr, [hosted()])
    assert tool.tool_config["require_approval"] == "always"  # type: ignore[union-attr]
    agent = agent_of([tool], [REQUEST])
    assert ungated(agent) == []
    asyncio.run(run(hr, agent, "go"))
    held = desk.next()
    if verdict == "approve":
        held.approve()
    elif verdict == "reject":
        held.reject("wrong")
    else:
        held.edit({"page": "other"})
    (result,) = woken(hr, agent)
    (answer,) = [item for item in result.to_input_list() if item.get("type") == "mcp_approval_response"]
    assert answer["approve"] is approved


def test_tools_of_an_mcp_server_are_gated_as_functions(
    hr: handrail.Client, desk: handrail.Desk, tmp_path: Path
) -> None:
    effects = tmp_path / "effects"
    script = tmp_path / "server.py"
    script.write_text(SERVER.format(effects=effects))

    async def story() -> RunResult:
        params: Any = {"command": sys.executable, "args": [str(script)]}
        async with MCPServerStdio(params, client_session_timeout_seconds=60) as server:
            bare = Agent(name="clerk", mcp_servers=[server])
            assert ungated(bare) == [server.name]
            found = await MCPUtil.get_all_function_tools([server], True, RunContextWrapper(None), bare)
            call = {
                "type": "function_call",
                "name": "add",
                "call_id": "c1",
                "id": "c1",
                "arguments": '{"a": 1, "b": 2}',
            }
            agent = agent_of(gate(hr, found), [_typed(call)])
            await run(hr, agent, "go")
            desk.next().edit({"a": 1, "b": 40})
            results: list[RunResult] = []
            await waker(hr, agent, then=lambda _, result: results.append(result)).astep()
            return results[0]

    result = asyncio.run(story())
    assert "41" in str(outputs(result)["c1"])
    assert effects.read_text() == "1+40\n"


def _typed(call: dict[str, Any]) -> Any:
    return ModelStep(output=[call]).output[0]
