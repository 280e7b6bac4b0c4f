"""What AutoGen gets wrong by itself, and what its agents' own ways make of a gated call."""

from __future__ import annotations

import asyncio
import json
import threading
from typing import Any

import pytest
from autogen_agentchat.agents import AssistantAgent
from autogen_agentchat.conditions import MaxMessageTermination
from autogen_agentchat.teams import RoundRobinGroupChat
from autogen_core import CancellationToken
from autogen_core.tools import StaticWorkbench, ToolResult
from autogen_ext.models.replay import ReplayChatCompletionClient

from handrail.errors import InvalidInput
from handrail.integrations.autogen import Person, gate
from handrail.testing.conformance import Scene
from handrail.testing.conformance.scene import wait_until
from handrail.testing.conformance.script import one_turn, pay, several_turns
from tests.integrations.autogen.harness import App, scripted


class Raising(StaticWorkbench):
    """A workbench with a defect."""

    async def call_tool(self, *args: Any, **kwargs: Any) -> ToolResult:
        raise RuntimeError("this workbench is broken")


def test_raise_out_of_a_workbench_hangs_autogen_alone_and_is_told_by_a_gated_one(scene: Scene) -> None:
    script = one_turn(pay("A1", 5))

    async def bare() -> None:
        agent = AssistantAgent("clerk", scripted(script), workbench=Raising([*_tools(scene, script)]))
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(agent.run(task="begin"), 1.0)

    async def gated() -> ToolResult:
        workbench = gate(scene.client(script), Raising([*_tools(scene, script)]), terms=scene.terms(script))
        return await workbench.call_tool("pay", {"to": "A1", "amount": 5}, call_id="c1")

    asyncio.run(bare())
    found: list[ToolResult] = []
    thread = threading.Thread(target=lambda: found.append(asyncio.run(gated())))
    thread.start()
    wait_until(lambda: bool(scene.open_cases()), "the case")
    scene.desk().answer(scene.open_cases()[0].id, "approve")
    thread.join(30)
    assert found[0].is_error
    assert "this workbench is broken" in found[0].to_text()


def test_save_the_state_while_a_call_waits_has_nothing_that_would_run_it(scene: Scene) -> None:
    async def saved() -> Any:
        app = App(scene, one_turn(pay("A1", 5)))
        running = asyncio.ensure_future(app.agent.run(task="begin"))
        while not scene.open_cases():
            await asyncio.sleep(0.02)
        state = json.loads(json.dumps(await app.agent.save_state()))
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        return state

    async def gone_on(state: Any) -> list[str]:
        # a model that makes no call of its own: whatever runs comes from the state
        app = App(scene, one_turn())
        await app.agent.load_state(state)
        return [message.type for message in (await app.agent.run()).messages]

    assert "ToolCallExecutionEvent" not in asyncio.run(gone_on(asyncio.run(saved())))
    assert scene.effects.read() == []


def test_cancel_a_call_that_waits_takes_its_case_back_and_ends_the_call(scene: Scene) -> None:
    script = one_turn(pay("A1", 5))
    token = CancellationToken()

    async def cancelled() -> ToolResult:
        workbench = gate(scene.client(script), _tools(scene, script), terms=scene.terms(script))
        calling = asyncio.ensure_future(workbench.call_tool("pay", {"to": "A1", "amount": 5}, token, "c1"))
        while not scene.open_cases():
            await asyncio.sleep(0.02)
        token.cancel()
        return await asyncio.wait_for(calling, 10)

    assert asyncio.run(cancelled()).is_error
    assert [case.decision for case in scene.cases()] == ["cancelled"]
    assert scene.effects.read() == []


def test_call_without_an_id_is_a_call_of_its_own(scene: Scene) -> None:
    script = one_turn(pay("A1", 5))

    async def calls() -> None:
        workbench = gate(scene.client(script), _tools(scene, script), terms=scene.terms(script))
        both = [asyncio.ensure_future(workbench.call_tool("pay", {"to": "A1", "amount": 5})) for _ in range(2)]
        while len(scene.open_cases()) < 2:
            await asyncio.sleep(0.02)
        for case in scene.open_cases():
            await asyncio.to_thread(scene.desk().answer, case.id, "approve")
        await asyncio.gather(*both)

    asyncio.run(calls())
    assert scene.effects.read() == [{"to": "A1", "amount": 5}] * 2


def test_reuse_a_call_id_outside_of_any_run_asks_again(scene: Scene) -> None:
    app = App(scene, several_turns([pay("A1", 5, id="c1")], [pay("A1", 5, id="c1")]))
    thread = threading.Thread(target=lambda: asyncio.run(app.agent.run(task="begin")))
    thread.start()
    for n in (1, 2):
        wait_until(lambda n=n: len(scene.cases()) == n and len(scene.open_cases()) == 1, "the next case")
        scene.desk().answer(scene.open_cases()[0].id, "approve")
    thread.join(30)
    assert scene.effects.read() == [{"to": "A1", "amount": 5}] * 2


def test_ask_a_person_in_a_team_carries_the_last_message_and_the_answer(scene: Scene) -> None:
    async def talk() -> list[str]:
        clerk = AssistantAgent("clerk", ReplayChatCompletionClient(["Which account?", "Thanks."]))
        team = RoundRobinGroupChat(
            [clerk, Person("ann", scene.control)], termination_condition=MaxMessageTermination(4)
        )
        task = asyncio.ensure_future(team.run(task="pay the supplier"))
        while not scene.open_cases():
            await asyncio.sleep(0.02)
        (case,) = scene.open_cases()
        assert case.arguments == {"question": "Which account?"}
        await asyncio.to_thread(_answer, scene, "respond", value="number 7")
        return [message.to_text() for message in (await task).messages if message.type == "TextMessage"]

    assert asyncio.run(talk()) == ["pay the supplier", "Which account?", "number 7", "Thanks."]


def test_ask_a_person_who_refuses_lets_the_team_go_on(scene: Scene) -> None:
    async def talk() -> str:
        person = Person("ann", scene.control)
        task = asyncio.ensure_future(person.run(task="Which account?"))
        while not scene.open_cases():
            await asyncio.sleep(0.02)
        await asyncio.to_thread(_answer, scene, "reject", reason="wrong")
        return str((await task).messages[-1].to_text())

    assert asyncio.run(talk()).startswith("[handrail] No answer")


def test_park_is_refused_in_words(scene: Scene) -> None:
    with pytest.raises(InvalidInput, match="keeps nothing"):
        gate(scene.control, [], wait="park")  # type: ignore[arg-type]


def _answer(scene: Scene, verdict: str, **given: Any) -> None:
    scene.desk().answer(scene.open_cases()[0].id, verdict, **given)
    # a question's answer can be taken back for a moment
    scene.pass_time(60)


def _tools(scene: Scene, script: Any) -> Any:
    return App(scene, script).agent._workbench[0]._inner._tools
