"""A program without any framework that waits inside its calls."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Callable
from typing import Any

from handrail.errors import Redirected
from handrail.testing.conformance import ModelCall, Script
from tests.integrations.plain.tickets import Program, Tickets


class Waiting(Tickets):
    """Coroutine functions, gated and called at once; each returns when its case is decided."""

    framework = "plain-functions-waiting"
    blocks = True

    def build(self, script: Script) -> Program:
        app = super().build(script)
        terms = self.scene.terms(script)
        app.gates = {
            name: app.hr.gate(name, **terms[name])(_coroutine(function))
            for name, function in self.scene.tools(script).items()
        }
        return app

    def run(self, app: Program) -> None:
        asyncio.run(self._run(app))

    async def _run(self, app: Program) -> None:
        place = 0
        with app.hr.run(id=app.script.thread):
            for turn in app.script.turns:
                await asyncio.gather(*(self._call(app, call, place + n) for n, call in enumerate(turn)))
                place += len(turn)

    async def _call(self, app: Program, call: ModelCall, place: int) -> None:
        try:
            text = str(await app.gates[call.tool](**call.arguments))
        except Redirected as error:
            text = error.instruction
        except Exception as error:
            text = str(error)
        app.say(place, call, text)


def _coroutine(function: Callable[..., str]) -> Callable[..., Any]:
    @functools.wraps(function)
    async def called(*args: Any, **kwargs: Any) -> str:
        return await asyncio.to_thread(function, *args, **kwargs)

    return called
