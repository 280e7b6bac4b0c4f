"""One process of an agent with hosted tools: `python hosted_process.py FOLDER begin|wake|wake-and-die`.

What the model is asked with goes to a file, as OpenAI would see it.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

from agents import Agent, HostedMCPTool, function_tool, set_tracing_disabled
from agents.testing import ModelCall, ModelStep, ScriptedModel, assistant_message, function_call
from openai.types.responses.response_output_item import McpApprovalRequest

from handrail.integrations.openai_agents import gate, run, waker
from handrail.testing.conformance.scene import Scene

TERMS = {"wiki.delete": {"action": "pay"}}
REQUESTS = ("m1", "m2")


def agent_of(scene: Scene, *, die: bool = False) -> Agent[Any]:
    """Its model asks for two hosted calls and one of a tool that runs here."""

    @function_tool
    def pay(to: str, amount: int) -> str:
        """Pay somebody."""
        with (scene.folder / "paid").open("a") as file:
            file.write(f"{to} {amount}\n")
        return "paid"

    def respond(request: ModelCall) -> list[Any]:
        answers = [item for item in request.input if isinstance(item, dict) and item.get("type") == KIND]
        if not answers:
            asked = [
                McpApprovalRequest(
                    id=each, type="mcp_approval_request", name="delete", server_label="wiki",
                    arguments=json.dumps({"page": each}),
                )
                for each in REQUESTS
            ]  # fmt: skip
            return [*asked, function_call("pay", {"to": "A1", "amount": 5}, call_id="c1")]
        with (scene.folder / "asked").open("a") as file:
            for each in answers:
                file.write(f"{each['approval_request_id']} {each['approve']} {each.get('reason') or ''}\n")
            os.fsync(file.fileno())
        if die:
            os.kill(os.getpid(), signal.SIGKILL)
        return [assistant_message("done")]

    config: Any = {"type": "mcp", "server_label": "wiki", "server_url": "https://wiki.example"}
    tools = gate(scene.control, [HostedMCPTool(tool_config=config), pay], terms=TERMS)
    return Agent(name="clerk", tools=tools, model=ScriptedModel([ModelStep.respond(respond)] * 5))


KIND = "mcp_approval_response"


def main(folder: str, do: str) -> None:
    set_tracing_disabled(True)
    scene = Scene(Path(folder))
    agent = agent_of(scene, die=do == "wake-and-die")
    if do == "begin":
        asyncio.run(run(scene.control, agent, "go", run="r1"))
    else:
        one = waker(scene.control, agent)
        while one.step():
            pass
    scene.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
