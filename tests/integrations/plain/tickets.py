"""A program without any framework that asks by `request`, goes away, and runs again when it is woken."""

from __future__ import annotations

from typing import Any

from handrail.errors import Redirected
from handrail.testing.conformance import REGULAR, Harness, Message, ModelCall, Scene, Script
from handrail.testing.conformance.scene import read_json, write_json


class Program:
    """The program of a script. What its calls returned stands in a file, by place."""

    def __init__(self, scene: Scene, script: Script):
        self.script = script
        self.hr = scene.client(script)
        terms = scene.terms(script)
        self.gates: dict[str, Any] = {
            name: self.hr.gate(name, **terms[name])(function) for name, function in scene.tools(script).items()
        }
        self.said = scene.folder / f"said-{script.thread}"

    def say(self, place: int, call: ModelCall, text: str) -> None:
        said = self.read()
        said[str(place)] = [call.id, text]
        write_json(self.said, said)

    def read(self) -> dict[str, list[str]]:
        said: dict[str, list[str]] = read_json(self.said, {})
        return said


class Tickets(Harness):
    """Runs from the top every time; handrail knows each call by its place in the run."""

    framework = "plain-functions"
    # a plain function that raises says that nothing happened, unless it raises `Uncertain`
    raised = "failed"

    def build(self, script: Script) -> Program:
        return Program(self.scene, script)

    def run(self, app: Program) -> None:
        place = 0
        with app.hr.run(id=app.script.thread):
            for turn in app.script.turns:
                asked = [(call, self.ask(app, call)) for call in turn]
                waits = False
                for call, pending in asked:
                    text = pending if isinstance(pending, str) else self.result(pending)
                    waits = waits or text is None
                    if text is not None:
                        app.say(place, call, text)
                    place += 1
                if waits:
                    return

    def ask(self, app: Program, call: ModelCall) -> Any:
        try:
            return app.gates[call.tool].request(**call.arguments)
        except Exception as error:
            return str(error)

    def result(self, pending: Any) -> str | None:
        try:
            return str(pending.result(timeout=0))
        except TimeoutError:
            return None
        except Redirected as error:
            return error.instruction
        except Exception as error:
            return str(error)

    def wake(self, app: Program, answer: Any = REGULAR) -> None:
        # nothing travels through a framework here: whatever is answered, the program looks again
        self.run(app)

    def seen(self, app: Program) -> list[Message]:
        return [Message(*said) for _, said in sorted(app.read().items(), key=lambda item: int(item[0]))]

    def added(self, app: Program) -> Any:
        return [{"case_id": case.id} for case in self.scene.open_cases()]

    def say(self, app: Program, text: str) -> None:
        # the program gives up what it asked for
        for case in self.scene.open_cases():
            app.hr.cancel(case.id, reason=text)
