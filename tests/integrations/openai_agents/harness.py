"""An agent of the OpenAI Agents SDK for the conformance list: a scripted model, gated function tools."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any

from agents import Agent, AgentsException, Runner, RunResult, RunState, function_tool, set_tracing_disabled
from agents.testing import ModelCall as Request
from agents.testing import ModelStep, ScriptedModel, assistant_message, function_call

from handrail.canonical import JSON
from handrail.integrations.openai_agents import FRAMEWORK, gate, run, ungated, waker
from handrail.testing.conformance import REGULAR, Harness, Message, Scene, Script
from handrail.testing.conformance.scene import read_json, write_json

set_tracing_disabled(True)
MOST_REQUESTS = 50


class App:
    """The agent of a script; what its model was told, and its last snapshot, stand in files."""

    def __init__(self, scene: Scene, script: Script, *, wait: str = "park"):
        self.script = script
        self.hr = scene.client(script)
        tools = {name: function_tool(made) for name, made in scene.tools(script).items()}
        bare = [tools.pop(name) for name in script.unwrapped if name in tools]
        gated = gate(self.hr, list(tools.values()), wait=wait, terms=scene.terms(script))
        self.agent = Agent(name="clerk", tools=[*gated, *bare], model=scripted(script))
        self._told = scene.folder / f"told-{script.thread}"
        self._snapshot = scene.folder / f"snapshot-{script.thread}"

    def keep(self, result: RunResult) -> None:
        """What the SDK itself would hand to whoever goes on."""
        told = [[item["call_id"], str(item["output"])] for item in result.to_input_list() if "output" in item]
        write_json(self._told, told)
        write_json(self._snapshot, result.to_state().to_json() if result.interruptions else None)

    def told(self) -> list[Message]:
        return [Message(*said) for said in read_json(self._told, [])]

    def snapshot(self) -> Any:
        return read_json(self._snapshot, None)


class OpenAIAgents(Harness):
    """Runs are parked with their state and woken by `waker`."""

    framework = FRAMEWORK
    packages = ("openai-agents",)

    def build(self, script: Script) -> App:
        return App(self.scene, script)

    def run(self, app: App) -> None:
        app.keep(asyncio.run(run(app.hr, app.agent, "begin", run=app.script.thread)))

    def wake(self, app: App, answer: Any = REGULAR) -> None:
        if answer is not REGULAR:
            asyncio.run(self._answer(app, answer))
            return
        waker(app.hr, app.agent, run=app.script.thread, then=lambda run, result: app.keep(result)).step()

    async def _answer(self, app: App, answer: Any) -> None:
        """Straight to the SDK: the state that it gave out, with this answer to each of its calls."""
        state = await self.restored(app)
        for item in state.get_interruptions():
            if answer in APPROVING:
                state.approve(item, always_approve=answer == "always")
            else:
                state.approve(answer)
        await self._go_on(app, state)

    async def _go_on(self, app: App, state: Any) -> None:
        with app.hr.run(id=app.script.thread):
            await Runner.run(app.agent, state)

    async def restored(self, app: App, change: Callable[[str], str] = str) -> RunState[Any, Any]:
        return await RunState.from_string(app.agent, change(json.dumps(app.snapshot())))

    def seen(self, app: App) -> Sequence[Message]:
        return app.told()

    def added(self, app: App) -> JSON:
        # the snapshot is the SDK's own: nothing of ours is in it, what waits is named beside it
        assert "handrail" not in json.dumps(app.snapshot())
        return [{"park": park.id, "run": park.run} for park in app.hr.parks()] + [
            {"case_id": case.id} for case in self.scene.open_cases()
        ]

    def say(self, app: App, text: str) -> None:
        quiet = Agent(name="clerk", tools=app.agent.tools, model=ScriptedModel([[assistant_message("well")]]))
        asyncio.run(run(app.hr, quiet, text, run=app.script.thread))

    def approving(self, app: Any) -> Sequence[Any]:
        return APPROVING

    def always(self, app: App) -> None:
        # the first call runs; at the next, which nobody has decided, the tool ends the run
        with suppress(AgentsException):
            asyncio.run(self._answer(app, "always"))

    def attacks(self) -> Mapping[str, Callable[[App], object]]:
        return {
            "approve the snapshot": lambda app: asyncio.run(self._answer(app, "approve")),
            "approve the tool for ever": lambda app: asyncio.run(self._answer(app, "always")),
            "reset the approval": lambda app: asyncio.run(self._rejected_then_approved(app)),
        }

    async def _rejected_then_approved(self, app: App) -> None:
        state = await self.restored(app)
        for item in state.get_interruptions():
            state.reject(item)
            state.approve(item)
        await self._go_on(app, state)

    def tamperings(self) -> Mapping[str, Callable[[App], object]]:
        def altered(app: App) -> None:
            asyncio.run(self._altered(app))

        return {"another amount in the snapshot": altered}

    async def _altered(self, app: App) -> None:
        state = await self.restored(app, lambda text: text.replace('\\"amount\\":5', '\\"amount\\":5000000'))
        for item in state.get_interruptions():
            state.approve(item)
        await self._go_on(app, state)

    def unwrapped(self, app: App) -> Sequence[str]:
        return ungated(app.agent)


APPROVING = ("approve", "always")


class OpenAIAgentsBlocking(OpenAIAgents):
    """Calls wait inside the tools."""

    framework = f"{FRAMEWORK}-blocking"
    blocks = True

    def build(self, script: Script) -> App:
        return App(self.scene, script, wait="block")

    def wake(self, app: App, answer: Any = REGULAR) -> None:
        # a program that was killed while it waited is begun again
        self.run(app)


def scripted(script: Script) -> ScriptedModel:
    """Answers by what it is asked, so that any process can go on with the conversation."""

    def respond(request: Request) -> list[Any]:
        told = sum(1 for item in request.input if isinstance(item, dict) and item.get("type", "").endswith("_output"))
        for turn in script.turns:
            if told <= 0:
                return [function_call(call.tool, call.arguments, call_id=call.id) for call in turn]
            told -= len(turn)
        return [assistant_message("done")]

    return ScriptedModel([ModelStep.respond(respond)] * MOST_REQUESTS)
