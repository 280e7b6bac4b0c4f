"""What ADK does by itself, and what is left of it when its tools are gated."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from google.adk.agents import LlmAgent
from google.adk.events import Event
from google.adk.tools import FunctionTool, google_search
from google.adk.tools.base_tool import BaseTool
from google.adk.tools.base_toolset import BaseToolset
from google.genai import types

from handrail.errors import Conflict, InvalidInput
from handrail.integrations.adk import gate, ungated, waker
from handrail.testing.conformance import Scene
from handrail.testing.conformance.script import one_turn, pay
from tests.integrations.adk.harness import USER, App


def test_confirm_without_a_decision_ends_the_run_and_the_confirmation_can_be_given_again(scene: Scene) -> None:
    app = App(scene, one_turn(pay("A1", 5)))
    app.say(types.UserContent("begin"))
    for _ in range(2):
        with pytest.raises(Conflict, match="is not decided"):
            app.confirm({"confirmed": True})
    assert scene.effects.read() == []
    scene.desk().answer(scene.open_cases()[0].id, "approve")
    assert app.waker.step()
    assert scene.effects.read() == [{"to": "A1", "amount": 5}]


def test_park_on_an_app_that_is_not_resumable_is_refused_and_opens_no_case(scene: Scene) -> None:
    app = App(scene, one_turn(pay("A1", 5)), resumable=False)
    app.say(types.UserContent("begin"))
    assert "is_resumable=True" in app.told.read_text()
    assert scene.cases() == []


def test_decide_a_call_while_another_of_its_turn_runs_wakes_it_next(
    scene: Scene, decide_meanwhile: Callable[[], None]
) -> None:
    app = App(scene, one_turn(pay("A1", 1, id="c1"), pay("A2", 2, id="c2")))
    app.say(types.UserContent("begin"))
    decide_meanwhile()
    while app.waker.step():
        pass
    assert scene.effects.read() == [{"to": "A1", "amount": 1}, {"to": "A2", "amount": 2}]
    assert app.hr.parks() == []


def test_answer_in_part_does_not_show_the_model_a_pending_call(scene: Scene) -> None:
    app = App(scene, one_turn(pay("A1", 1, id="c1"), pay("A2", 2, id="c2")))
    app.say(types.UserContent("begin"))
    scene.desk().answer(scene.cases(to="A2")[0].id, "approve")
    assert app.waker.step()
    # the model was asked once, at the beginning
    assert app.told.read_text() == "[]"
    assert scene.effects.read() == [{"to": "A2", "amount": 2}]


def test_confirm_by_hand_after_the_user_went_on_runs_nothing(scene: Scene) -> None:
    app = App(scene, one_turn(pay("A1", 5)))
    app.say(types.UserContent("begin"))
    app.say(types.UserContent("never mind"))
    app.confirm({"confirmed": True})
    assert [case.decision for case in scene.cases()] == ["cancelled"]
    assert scene.effects.read() == []


def test_delete_a_parked_session_takes_its_cases_back_at_the_next_wake(scene: Scene) -> None:
    app = App(scene, one_turn(pay("A1", 1, id="c1"), pay("A2", 2, id="c2")))
    app.say(types.UserContent("begin"))
    scene.desk().answer(scene.cases(to="A1")[0].id, "approve")
    asyncio.run(app.sessions.delete_session(app_name="shop", user_id=USER, session_id=app.script.thread))
    assert app.waker.step()
    assert scene.cases(to="A2")[0].decision == "cancelled"
    assert scene.effects.read() == []


def test_wake_a_session_that_stopped_after_its_result_lets_the_model_go_on(scene: Scene) -> None:
    app = App(scene, one_turn(pay("A1", 5)))
    app.say(types.UserContent("begin"))
    scene.desk().answer(scene.open_cases()[0].id, "approve")
    asyncio.run(_confirmed_and_left(app))
    app.waker = waker(app.hr, app.runner, patience=0)
    for _ in range(4):
        scene.pass_time(120)
        app.waker.step()
    assert "paid 5 to A1" in app.told.read_text()
    assert scene.effects.read() == [{"to": "A1", "amount": 5}]


async def _confirmed_and_left(app: App) -> None:
    """As a process that dies between the tool's result and the model's answer."""
    (call,) = await asyncio.to_thread(app.calls)
    answer = types.FunctionResponse(id=call.id, name=call.name, response={"confirmed": True})
    message = types.Content(role="user", parts=[types.Part(function_response=answer)])
    run = app.runner.run_async(user_id=USER, session_id=app.script.thread, new_message=message)
    async for event in run:
        if isinstance(event, Event) and event.get_function_responses():
            break
    await run.aclose()


def test_native_confirmation_of_an_inner_tool_is_given_with_the_decision(scene: Scene) -> None:
    app = App(scene, one_turn(pay("A1", 5)))
    inner = FunctionTool(scene.tools(app.script)["pay"], require_confirmation=True)
    app.agent.tools = gate(app.hr, [inner], terms=scene.terms(app.script))  # type: ignore[assignment]
    app.say(types.UserContent("begin"))
    scene.desk().answer(scene.open_cases()[0].id, "edit", arguments={"to": "A1", "amount": 3})
    assert app.waker.step()
    assert scene.effects.read() == [{"to": "A1", "amount": 3}]


def test_gate_a_toolset_gates_each_tool_it_lists(scene: Scene) -> None:
    class Tools(BaseToolset):
        async def get_tools(self, readonly_context: Any = None) -> list[BaseTool]:
            return [FunctionTool(function) for function in scene.tools(one_turn()).values()]

    (gated,) = gate(scene.control, [Tools(tool_name_prefix="bank")])
    assert isinstance(gated, BaseToolset)
    names = [tool.name for tool in asyncio.run(gated.get_tools_with_prefix())]
    assert names == ["bank_pay", "bank_note", "bank_mystery"]
    assert ungated(LlmAgent(name="clerk", model="none", tools=[gated])) == []
    assert ungated(LlmAgent(name="clerk", model="none", tools=[Tools()])) == ["Tools"]


def test_gate_a_tool_that_the_provider_runs_is_refused(scene: Scene) -> None:
    with pytest.raises(InvalidInput, match="run by the model's provider"):
        gate(scene.control, [google_search])
