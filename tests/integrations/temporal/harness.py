"""An agent in a workflow for the conformance list: a scripted model, gated tools, the SDK's worker side."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sqlalchemy import select
from temporalio.service import RPCError, RPCStatusCode

from handrail.canonical import JSON
from handrail.integrations.temporal import FRAMEWORK, WAKE, gate, waker
from handrail.store import schema
from handrail.testing.conformance import REGULAR, Harness, Message, Scene, Script
from tests.integrations.temporal.clerk import Clerk, ClerkByOne
from tests.integrations.temporal.engine import Engine


class Reaching:
    """What the waker uses of a client, reaching the engine instead of a server."""

    def __init__(self, engine: Engine):
        self._engine = engine

    def get_workflow_handle(self, workflow_id: str) -> Reaching:
        assert workflow_id == self._engine.workflow_id
        return self

    async def signal(self, name: str, case_id: str) -> None:
        _found(self._engine.signal(name, case_id))

    def get_async_activity_handle(self, *, workflow_id: str, run_id: str, activity_id: str) -> Completing:
        assert workflow_id == self._engine.workflow_id
        return Completing(self._engine, activity_id)


class Completing:
    """An activity as the waker completes it."""

    def __init__(self, engine: Engine, activity_id: str):
        self._engine, self._activity_id = engine, activity_id

    async def complete(self, outcome: Any) -> None:
        _found(self._engine.complete(self._activity_id, outcome))


def _found(there: bool) -> None:
    if not there:
        raise RPCError("not found", RPCStatusCode.NOT_FOUND, b"")


class App:
    """The workflow of a script."""

    def __init__(self, scene: Scene, script: Script, workflow: type):
        self.script = script
        self.scene = scene
        self.gated = gate(scene.client(script), list(scene.tools(script).values()), terms=scene.terms(script))
        self.engine = Engine(scene.folder, workflow, self.gated, workflow_id=script.thread)

    def wake(self) -> None:
        """All that is due in this scene; what belongs to another workflow is left to its own app."""
        client: Any = Reaching(self.engine)
        awake = waker(self.scene.control, client, self.gated)
        while awake.step():
            pass


class Temporal(Harness):
    """Workflows wait for a signal, which `waker` sends."""

    framework = FRAMEWORK
    packages = ("temporalio",)
    workflow: type = Clerk

    def build(self, script: Script) -> App:
        return App(self.scene, script, self.workflow)

    def run(self, app: App) -> None:
        app.engine.start([[[call.id, call.tool, call.arguments] for call in turn] for turn in app.script.turns])
        app.engine.work()

    def wake(self, app: App, answer: Any = REGULAR) -> None:
        if answer is not REGULAR:
            self._answer(app, answer)
        else:
            app.wake()
        app.engine.work()

    def _answer(self, app: App, answer: Any) -> None:
        """Straight to Temporal, as anybody could who may signal there."""
        app.engine.signal(WAKE, answer)
        for case in self.scene.cases():
            app.engine.signal(WAKE, case.id)

    def seen(self, app: App) -> Sequence[Message]:
        return [Message(*said) for said in app.engine.query("told")] if app.engine.events() else []

    def added(self, app: App) -> JSON:
        # the call itself is the workflow's own, and so is in its history anyway; what came back is ours
        back = [event for event in app.engine.events() if event["type"] == "completed"]
        parked = schema.parked
        rows = self.scene.plane.store.read(select(parked.c.run, parked.c.state).where(parked.c.ended_at.is_(None)))
        return [*app.engine.decoded(back), *([run, json.loads(state)] for run, state in rows)]

    def say(self, app: App, text: str) -> None:
        app.engine.cancel()
        app.engine.work()

    def approving(self, app: Any) -> Sequence[Any]:
        return (True, "approved", {"kind": "approved"})

    def attacks(self) -> Mapping[str, Callable[[App], object]]:
        def signal(app: App) -> None:
            self.wake(app, "approved")

        def timer(app: App) -> None:
            app.engine.fire_timers()
            app.engine.work()

        return {"signal the workflow": signal, "let its timers fire": timer}

    def tamperings(self) -> Mapping[str, Callable[[App], object]]:
        return {"another amount in the history": lambda app: app.engine.rewrite('"amount":5', '"amount":5000000')}


class TemporalByOne(Temporal):
    """Each call is one activity, which `waker` completes."""

    framework = f"{FRAMEWORK}-one-activity"
    workflow = ClerkByOne

    def _answer(self, app: App, answer: Any) -> None:
        app.engine.signal(WAKE, answer)

    def added(self, app: App) -> JSON:
        # Temporal keeps nothing of ours while the activity waits; handrail knows for which case
        waiting = self.scene.plane.store.read(select(schema.park_case.c.case_id))
        return [super().added(app), *(row[0] for row in waiting)]
