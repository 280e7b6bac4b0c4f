"""An agent in a Restate virtual object for the conformance list: a scripted model, gated tools, the real server."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from typing import Any

import httpx2
import restate
from sqlalchemy import select

from handrail.canonical import JSON
from handrail.integrations.restate import FRAMEWORK, gate, waker
from handrail.store import schema
from handrail.testing.conformance import REGULAR, Harness, Message, Scene, Script
from handrail.testing.conformance.scene import read_json, wait_until, write_json
from tests.integrations.restate.server import free_port, query, register
from tests.integrations.restate.serving import Serving

# "ingress admin" of the running server, for this process and those it starts
PLACE = "HANDRAIL_TEST_RESTATE"
SOON = restate.InvocationRetryPolicy(
    initial_interval=timedelta(milliseconds=50), exponentiation_factor=1.5, max_interval=timedelta(milliseconds=500)
)


class App:
    """The service of a script. What its model was told is the object's state."""

    def __init__(self, scene: Scene, script: Script):
        self.script = script
        self.scene = scene
        self.ingress, self.admin = os.environ[PLACE].split()
        self.service = f"Clerk{hashlib.sha256(str(scene.folder).encode()).hexdigest()[:12]}"
        self.gated = gate(scene.client(script), list(scene.tools(script).values()), terms=scene.terms(script))
        self.waker = waker(scene.control, self.ingress)
        self._port = scene.folder / "port"
        self._invocation = scene.folder / f"invocation-{script.thread}"

    def serving(self) -> Serving:
        """The endpoint of this process; the first of all tells the server about it."""
        known = read_json(self._port, None)
        port = known or free_port()
        serving = Serving(restate.app([self._object()]), port)
        if known is None:
            with serving:
                register(self.admin, f"http://127.0.0.1:{port}")
            write_json(self._port, port)
            serving = Serving(restate.app([self._object()]), port)
        return serving

    def _object(self) -> restate.VirtualObject:
        clerk = restate.VirtualObject(self.service, invocation_retry_policy=SOON)

        @clerk.handler()
        async def converse(ctx: restate.ObjectContext, given: str) -> str:
            told: list[list[str]] = []
            for turn in self.script.turns:
                outcomes = await self.gated.tell_all(ctx, [(call.tool, call.arguments) for call in turn])
                for call, outcome in zip(turn, outcomes, strict=True):
                    value = "" if outcome.value is None else str(outcome.value)
                    told.append([call.id, f"{value} {outcome.text}".strip()])
                ctx.set("told", told)
            return "done"

        return clerk

    def begin(self) -> None:
        if not self._invocation.exists():
            url = f"{self.ingress}/{self.service}/{self.script.thread}/converse/send"
            answer = httpx2.post(url, json="begin", timeout=30).raise_for_status()
            write_json(self._invocation, answer.json()["invocationId"])

    @property
    def invocation(self) -> str:
        return str(read_json(self._invocation, ""))

    def settle(self) -> None:
        """Until the handler has ended, or waits for people with nothing left to do."""
        wait_until(self._is_quiet, f"the invocation {self.invocation}: {self._status()}")

    def _is_quiet(self) -> bool:
        status = self._status()
        if status in (None, "completed"):
            return True
        mine = [park for park in self.scene.control.parks() if park.run.endswith(f"@{self.invocation}")]
        return status == "suspended" and bool(mine) and not any(park.due or park.held_until for park in mine)

    def _status(self) -> str | None:
        rows = query(self.admin, f"select status from sys_invocation where id = '{self.invocation}'")
        return rows[0]["status"] if rows else None

    def is_over(self) -> bool:
        return self._status() in (None, "completed")

    def told(self) -> list[Message]:
        rows = query(
            self.admin,
            f"select value_utf8 from state where service_name = '{self.service}' "
            f"and service_key = '{self.script.thread}' and key = 'told'",
        )  # fmt: skip
        return [Message(*said) for said in json.loads(rows[0]["value_utf8"])] if rows else []

    def awakeables(self) -> list[str]:
        """Those that the invocation waits for."""
        parked = schema.parked
        rows = self.scene.plane.store.read(
            select(parked.c.state).where(parked.c.ended_at.is_(None), parked.c.run.endswith(f"@{self.invocation}"))
        )
        return [json.loads(row[0])["awakeable"] for row in rows]


class Restate(Harness):
    """Handlers are suspended by the server and woken by `waker`; this process serves only while it acts."""

    framework = FRAMEWORK
    packages = ("restate-sdk",)

    def build(self, script: Script) -> App:
        return App(self.scene, script)

    def run(self, app: App) -> None:
        with app.serving():
            app.begin()
            app.settle()

    def wake(self, app: App, answer: Any = REGULAR) -> None:
        with app.serving():
            if answer is not REGULAR:
                self._answer(app, answer)
                return
            while app.waker.step():
                pass
            app.settle()

    def _answer(self, app: App, answer: Any) -> None:
        """Straight to the server, as anybody could who knows the awakeable's name."""
        before = app.awakeables()
        for name in before:
            url = f"{app.ingress}/restate/awakeables/{name}/{'reject' if answer == 'reject' else 'resolve'}"
            content = answer if isinstance(answer, str) else json.dumps(answer)
            httpx2.post(url, content=content, timeout=30).raise_for_status()
        # the handler looks again, and waits on others
        wait_until(lambda: app.is_over() or not set(before[:1]) & set(app.awakeables()), "the handler to look again")
        app.settle()

    def seen(self, app: App) -> Sequence[Message]:
        return app.told()

    def added(self, app: App) -> JSON:
        # results stand as bytes in the journal; its first entry is the caller's own input
        sql = f"select raw from sys_journal where id = '{app.invocation}' and index > 0"
        steps = [bytes.fromhex(entry["raw"]).decode("latin-1") for entry in query(app.admin, sql)]
        return [*steps, *app.awakeables()]

    def say(self, app: App, text: str) -> None:
        with app.serving():
            httpx2.patch(f"{app.admin}/invocations/{app.invocation}/cancel", timeout=30).raise_for_status()
            wait_until(app.is_over, "the invocation to be cancelled")

    def approving(self, app: Any) -> Sequence[Any]:
        return (True, "approved", {"kind": "approved"}, "reject")

    def attacks(self) -> Mapping[str, Callable[[App], object]]:
        def resolve(app: App) -> None:
            with app.serving():
                self._answer(app, {"kind": "approved"})

        def restart(app: App) -> None:
            with app.serving():
                httpx2.patch(f"{app.admin}/invocations/{app.invocation}/restart-as-new", timeout=30)
                wait_until(lambda: app.is_over() or bool(app.awakeables()), "the end")

        return {"resolve the awakeable": resolve, "restart as new": restart}
