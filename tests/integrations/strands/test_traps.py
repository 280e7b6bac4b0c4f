"""What Strands does by itself, and what is left of it when its tools are gated."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from strands import Agent, ToolContext, tool
from strands.session.file_session_manager import FileSessionManager
from strands.types._events import ToolStreamEvent
from strands.vended_interventions.hitl import HumanInTheLoop

from handrail.errors import InvalidInput
from handrail.integrations.strands import gate, resume
from handrail.testing.conformance import Scene
from handrail.testing.conformance.scene import wait_until
from handrail.testing.conformance.script import one_turn, pay, several_turns
from tests.integrations.strands.harness import App, ScriptedModel


def test_say_something_new_while_parked_is_refused_by_strands_and_the_case_stays(scene: Scene) -> None:
    app = App(scene, one_turn(pay("A1", 5)))
    app.agent()("begin")
    with pytest.raises(TypeError, match="must resume from interrupt"):
        app.agent()("never mind, do something else")
    (case,) = scene.open_cases()
    assert case.arguments == {"to": "A1", "amount": 5}


def test_delete_a_parked_session_takes_its_case_back_at_the_next_wake(scene: Scene) -> None:
    app = App(scene, one_turn(pay("A1", 5), pay("A2", 5, id="c2")))
    app.agent()("begin")
    scene.desk().answer(scene.cases(to="A1")[0].id, "approve")
    manager = FileSessionManager(app.script.thread, storage_dir=str(app.folder))
    manager.delete_session(app.script.thread)
    assert app.waker.step()
    assert scene.cases(to="A2")[0].decision == "cancelled"
    assert scene.effects.read() == []


def test_decide_a_call_while_another_of_its_turn_runs_wakes_it_next(
    scene: Scene, decide_meanwhile: Callable[[], None]
) -> None:
    app = App(scene, one_turn(pay("A1", 1, id="c1"), pay("A2", 2, id="c2")))
    app.agent()("begin")
    decide_meanwhile()
    while app.waker.step():
        pass
    assert scene.effects.read() == [{"to": "A1", "amount": 1}, {"to": "A2", "amount": 2}]
    assert app.hr.parks() == []


def test_trust_given_by_strands_own_handler_does_not_pass_the_gate(scene: Scene) -> None:
    app = App(scene, several_turns([pay("A1", 5, id="c1")], [pay("A2", 1_000_000, id="c2")]))
    vended = HumanInTheLoop(enable_trust=True, ask=lambda *_: "trust")  # type: ignore[arg-type]
    agent = Agent(
        model=ScriptedModel(app.script), tools=app.tools, callback_handler=None, interventions=[vended],
        session_manager=FileSessionManager("vended", storage_dir=str(app.folder)),
    )  # fmt: skip
    agent("begin")
    assert [case.arguments["to"] for case in scene.open_cases()] == ["A1"]
    assert scene.effects.read() == []


def test_park_without_a_session_manager_is_refused_and_opens_no_case(scene: Scene) -> None:
    app = App(scene, one_turn(pay("A1", 5)))
    agent = Agent(model=ScriptedModel(app.script), tools=app.tools, callback_handler=None)
    agent("begin")
    (result,) = agent.messages[-2]["content"]
    assert "session_manager" in result["toolResult"]["content"][0]["text"]
    assert scene.cases() == []


def test_call_a_parking_tool_from_a_program_is_refused_and_its_case_taken_back(scene: Scene) -> None:
    app = App(scene, one_turn(pay("A1", 5)))
    agent = app.agent()
    result = agent.tool.pay(to="A1", amount=5)
    assert result["status"] == "error"
    assert [case.decision for case in scene.cases()] == ["cancelled"]


def test_give_arguments_that_the_tool_does_not_take_asks_nobody(scene: Scene) -> None:
    call = pay("A1", 5)
    call.arguments["colour"] = "red"
    app = App(scene, one_turn(call))
    app.agent()("begin")
    assert scene.cases() == []
    assert scene.effects.read() == []


def test_stream_of_a_tool_reaches_whoever_listens(scene: Scene) -> None:
    @tool
    async def note(text: str) -> AsyncIterator[str]:
        """Write something down."""
        yield f"writing {text}"
        yield f"noted {text}"

    (gated,) = gate(scene.control, [note], wait="block", confidence=0.9)

    async def events() -> list[Any]:
        agent = Agent(model=ScriptedModel(one_turn()), tools=[gated], callback_handler=None)
        call: Any = {"toolUseId": "c1", "name": "note", "input": {"text": "boo"}}
        return [event async for event in gated.stream(call, {"agent": agent})]

    made = asyncio.run(events())
    assert [type(event) for event in made[:2]] == [ToolStreamEvent] * 2
    assert made[-1].tool_result["content"] == [{"text": "noted boo"}]


def test_pause_inside_a_gated_tool_leaves_the_execution_to_a_person(scene: Scene) -> None:
    @tool(context=True)
    def note(text: str, tool_context: ToolContext) -> str:
        """Write something down."""
        return str(tool_context.interrupt("really?"))

    (gated,) = gate(scene.control, [note], wait="block", confidence=0.9)
    agent = Agent(model=ScriptedModel(one_turn()), tools=[gated], callback_handler=None)

    async def last() -> Any:
        call: Any = {"toolUseId": "c1", "name": "note", "input": {"text": "boo"}}
        return [event async for event in gated.stream(call, {"agent": agent})][-1]

    text = asyncio.run(last()).tool_result["content"][0]["text"]
    assert "a person settles it" in text
    assert "paused inside" in text


def test_resume_by_hand_answers_what_is_decided_and_leaves_the_rest_parked(scene: Scene) -> None:
    app = App(scene, one_turn(pay("A1", 1, id="c1"), pay("A2", 2, id="c2")))
    app.agent()("begin")
    assert asyncio.run(resume(app.hr, app.agent())) is None
    scene.desk().answer(scene.cases(to="A2")[0].id, "approve")
    result = asyncio.run(resume(app.hr, app.agent()))
    assert result is not None
    assert result.stop_reason == "interrupt"
    assert scene.effects.read() == [{"to": "A2", "amount": 2}]
    scene.desk().answer(scene.cases(to="A1")[0].id, "reject", reason="wrong")
    while app.waker.step():
        pass
    assert scene.effects.read() == [{"to": "A2", "amount": 2}]
    assert app.agent().messages[-1]["content"] == [{"text": "done"}]


def test_wait_in_the_tool_while_another_thread_decides_runs_once(scene: Scene) -> None:
    script = one_turn(pay("A1", 5))
    app = App(scene, script, wait="block")

    async def both() -> None:
        running = asyncio.ensure_future(app.agent().invoke_async("begin"))
        await asyncio.to_thread(wait_until, lambda: bool(scene.open_cases()), "the case")
        await asyncio.to_thread(scene.desk().answer, scene.open_cases()[0].id, "approve")
        await running

    asyncio.run(both())
    assert scene.effects.read() == [{"to": "A1", "amount": 5}]


def test_gate_what_is_no_tool_yet_says_so(scene: Scene) -> None:
    with pytest.raises(InvalidInput, match="no tool yet"):
        gate(scene.control, ["./tools/pay.py"])
    with pytest.raises(InvalidInput, match="wait is"):
        gate(scene.control, [], wait="never")  # type: ignore[arg-type]
