"""A flow that pays if people let it, for processes that are killed: a script's first call is what it puts up."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

# isort: off
from tests.integrations.crewai import quiet  # noqa: F401

# isort: on
from crewai.flow import Flow, human_feedback, listen, router, start
from crewai.flow.persistence import SQLiteFlowPersistence

from handrail.client.waker import Waker
from handrail.integrations.crewai import FlowReview, answer, waker
from handrail.testing.conformance import REGULAR, Harness, Message, Scene, Script
from handrail.testing.conformance.scene import read_json, write_json


class FlowApp:
    """The flow's class, what CrewAI keeps of it, and what it came to."""

    def __init__(self, scene: Scene, script: Script):
        self.kept = SQLiteFlowPersistence(str(scene.folder / "flows.db"))
        self.said = scene.folder / "said"
        self.flow = _paying(scene, script)
        self.hr = scene.control

    def waker(self) -> Waker:
        return waker(self.hr, self.flow, self.kept, then=self.ended, suppress_flow_events=True)

    def ended(self, flow_id: str, result: object) -> None:
        write_json(self.said, [["c1", str(result)]])


class FlowHarness(Harness):
    """Parks in `kickoff`, goes on by the waker. In no results: a flow makes no tool calls."""

    framework = ""

    def build(self, script: Script) -> FlowApp:
        return FlowApp(self.scene, script)

    def run(self, app: FlowApp) -> None:
        app.flow(persistence=app.kept, suppress_flow_events=True).kickoff()

    def wake(self, app: FlowApp, answer: Any = REGULAR) -> None:
        app.waker().step()

    def seen(self, app: FlowApp) -> Sequence[Message]:
        return [Message(*said) for said in read_json(app.said, [])]


def _paying(scene: Scene, script: Script) -> type[Flow[Any]]:
    tools = scene.tools(script)

    class Paying(Flow[dict[str, Any]]):
        @start()
        @human_feedback("May this be paid?", provider=FlowReview(scene.control, action="pay"))
        def plan(self) -> dict[str, Any]:
            return script.calls[0].arguments

        @router(plan)
        def route(self) -> str:
            return "let" if answer(scene.control, self).ok else "kept back"

        @listen("let")
        def pay(self) -> str:
            made: Any = answer(scene.control, self).output
            return tools["pay"](**made)

        @listen("kept back")
        def keep(self) -> str:
            return answer(scene.control, self).text

    return Paying
