"""The smallest agent on the seam that every adapter uses: a loop that makes its calls, parks, and is run again."""

from __future__ import annotations

from typing import Any

from handrail.client.signature import Signature
from handrail.client.toolcall import ToolCall, ToolGate
from handrail.testing.conformance import REGULAR, Harness, Message, ModelCall, Scene, Script
from handrail.testing.conformance.scene import read_json, write_json


class Loop:
    """An agent whose whole memory is what it was told, in a file."""

    def __init__(self, scene: Scene, script: Script):
        self.script = script
        self.gate = ToolGate(scene.client(script), terms=scene.terms(script))
        self.tools = scene.tools(script)
        self.memory = scene.folder / f"memory-{script.thread}"

    def told(self) -> list[list[str]]:
        told: list[list[str]] = read_json(self.memory, [])
        return told

    def call(self, place: str, call: ModelCall) -> ToolCall | None:
        """The call as an adapter hands it over; None for a tool that is not there any more."""
        function = self.tools.get(call.tool)
        if function is None:
            return None
        signature = Signature(function)
        return ToolCall(
            name=call.tool, arguments=call.arguments, call_id=place, function=function, run=self.script.thread,
            schema=signature.schema, load=signature.load,
        )  # fmt: skip


class Seam(Harness):
    """Nothing between the contract and `ToolGate`."""

    # part of every other column
    framework = ""

    def build(self, script: Script) -> Loop:
        return Loop(self.scene, script)

    def run(self, app: Loop) -> None:
        told = app.told()
        done = {tuple(one[:2]) for one in told}
        for n, turn in enumerate(app.script.turns):
            waits = False
            for at, call in enumerate(turn):
                # a model may give an id again in a later turn
                place = f"{n}.{at}"
                handed = app.call(place, call)
                if (place, call.id) in done or handed is None:
                    continue
                answer = app.gate.tell(handed)
                if answer.kind == "open":
                    waits = True
                    continue
                told.append([place, call.id, f"{answer.value or ''} {answer.text}".strip()])
            write_json(app.memory, told)
            if waits:
                return

    def wake(self, app: Loop, answer: Any = REGULAR) -> None:
        self.run(app)

    def seen(self, app: Loop) -> list[Message]:
        return [Message(call_id, text) for _, call_id, text in app.told()]

    def added(self, app: Loop) -> Any:
        asked = [app.call(f"0.{at}", call) for at, call in enumerate(app.script.turns[0])]
        told = [app.gate.ask(call) for call in asked if call is not None]
        return [{"case_id": one.case_id, "digest": one.action_digest} for one in told]

    def say(self, app: Loop, text: str) -> None:
        for case in self.scene.open_cases():
            self.scene.control.cancel(case.id, reason="the user went on")
