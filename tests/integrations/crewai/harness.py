"""A crew for the conformance list: a scripted model, gated tools that wait."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

# isort: off
from tests.integrations.crewai import quiet  # noqa: F401

# isort: on
from crewai import Agent, BaseLLM, Crew, Task
from crewai.tools import tool
from pydantic import PrivateAttr

from handrail.integrations.crewai import FRAMEWORK, gate, ungated
from handrail.testing.conformance import REGULAR, Harness, Message, Scene, Script
from handrail.testing.conformance.scene import read_json, write_json


class Scripted(BaseLLM):
    """Makes the calls of a script, natively or as ReAct text, and keeps what it was told in a file."""

    _script: Script = PrivateAttr()
    _told: Path = PrivateAttr()

    @classmethod
    def of(cls, script: Script, told: Path) -> Scripted:
        made = cls(model="scripted")
        made._script, made._told = script, told
        return made

    def supports_function_calling(self) -> bool:
        # CrewAI retries tools that raise in ReAct mode
        return not self._script.retries

    def call(self, messages: Any, *_: Any, **__: Any) -> Any:
        said = messages if isinstance(messages, list) else []
        if self._script.retries:
            return self._react(said)
        told = [[one["tool_call_id"], str(one["content"])] for one in said if one["role"] == "tool"]
        write_json(self._told, told)
        left = len(told)
        for turn in self._script.turns:
            if turn and left <= 0:
                return [
                    {
                        "id": call.id, "type": "function",
                        "function": {"name": call.tool, "arguments": json.dumps(call.arguments)},
                    }
                    for call in turn
                ]  # fmt: skip
            left -= len(turn)
        return "Final Answer: done"

    def _react(self, said: Sequence[Any]) -> str:
        observed = [
            found for one in said if one["role"] == "assistant"
            for found in re.findall(r"Observation: (.*)", str(one["content"]), re.DOTALL)
        ]  # fmt: skip
        calls = self._script.calls
        write_json(self._told, [[call.id, text] for call, text in zip(calls, observed, strict=False)])
        if len(observed) >= len(calls):
            return "Thought: I know the answer\nFinal Answer: done"
        call = calls[len(observed)]
        return f"Thought: next\nAction: {call.tool}\nAction Input: {json.dumps(call.arguments)}"


class App:
    """The crew of a script; what its model was told stands in a file."""

    def __init__(self, scene: Scene, script: Script):
        self.script = script
        self.hr = scene.client(script)
        tools = {name: tool(name)(made) for name, made in scene.tools(script).items()}
        bare = [tools.pop(name) for name in script.unwrapped if name in tools]
        gated = gate(self.hr, list(tools.values()), terms=scene.terms(script))
        self.told = scene.folder / f"told-{script.thread}"
        clerk = Agent(
            role="clerk", goal="pay", backstory="A clerk.", llm=Scripted.of(script, self.told), tools=[*gated, *bare]
        )
        self.crew = Crew(
            agents=[clerk], tasks=[Task(description="pay", expected_output="done", agent=clerk)], cache=True
        )  # fmt: skip


class CrewAI(Harness):
    """Calls wait inside the tools."""

    framework = FRAMEWORK
    packages = ("crewai",)
    blocks = True

    def build(self, script: Script) -> App:
        return App(self.scene, script)

    def run(self, app: App) -> None:
        with app.hr.run(id=app.script.thread):
            app.crew.kickoff()

    def wake(self, app: App, answer: Any = REGULAR) -> None:
        # a program that was killed while it waited is begun again
        self.run(app)

    def seen(self, app: App) -> Sequence[Message]:
        return [Message(*said) for said in read_json(app.told, [])]

    def unwrapped(self, app: App) -> Sequence[str]:
        return ungated(app.crew)
