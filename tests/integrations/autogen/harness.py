"""An agent of AutoGen for the conformance list: a scripted model, gated tools that wait."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from typing import Any

from autogen_agentchat.agents import AssistantAgent
from autogen_core import FunctionCall
from autogen_core.models import CreateResult, ModelInfo, RequestUsage
from autogen_core.tools import FunctionTool, StaticWorkbench
from autogen_ext.models.replay import ReplayChatCompletionClient

from handrail.integrations.autogen import FRAMEWORK, gate, ungated
from handrail.testing.conformance import REGULAR, Harness, Message, Scene, Script
from handrail.testing.conformance.scene import read_json, write_json

MODEL = ModelInfo(vision=False, function_calling=True, json_output=False, family="unknown", structured_output=False)


class App:
    """The agent of a script; what its model was told stands in a file."""

    def __init__(self, scene: Scene, script: Script):
        self.script = script
        self.hr = scene.client(script)
        tools = {name: FunctionTool(made, description=made.__doc__ or "") for name, made in scene.tools(script).items()}
        bare = [tools.pop(name) for name in script.unwrapped if name in tools]
        gated = gate(self.hr, list(tools.values()), terms=scene.terms(script))
        self.agent = AssistantAgent(
            "clerk", scripted(script), workbench=[gated, StaticWorkbench(bare)],
            max_tool_iterations=len(script.turns) + 1,
        )  # fmt: skip
        self.told = scene.folder / f"told-{script.thread}"


class AutoGen(Harness):
    """Calls wait inside the workbench."""

    framework = FRAMEWORK
    packages = ("autogen-agentchat", "autogen-core")
    blocks = True

    def build(self, script: Script) -> App:
        return App(self.scene, script)

    def run(self, app: App) -> None:
        asyncio.run(self._run(app))

    async def _run(self, app: App) -> None:
        with app.hr.run(id=app.script.thread):
            result = await app.agent.run(task="begin")
        told = [
            [done.call_id, done.content]
            for message in result.messages if message.type == "ToolCallExecutionEvent"
            for done in message.content
        ]  # fmt: skip
        write_json(app.told, told)

    def wake(self, app: App, answer: Any = REGULAR) -> None:
        # a program that was killed while it waited is begun again
        self.run(app)

    def seen(self, app: App) -> Sequence[Message]:
        return [Message(*said) for said in read_json(app.told, [])]

    def unwrapped(self, app: App) -> Sequence[str]:
        return ungated(app.agent)


def scripted(script: Script) -> ReplayChatCompletionClient:
    usage = RequestUsage(prompt_tokens=0, completion_tokens=0)
    turns: list[CreateResult | str] = [
        CreateResult(
            content=[FunctionCall(id=call.id, name=call.tool, arguments=json.dumps(call.arguments)) for call in turn],
            finish_reason="function_calls", usage=usage, cached=False,
        )
        for turn in script.turns if turn
    ]  # fmt: skip
    return ReplayChatCompletionClient([*turns, "done"], model_info=MODEL)
