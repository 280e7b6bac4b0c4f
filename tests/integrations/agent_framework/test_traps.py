"""What Agent Framework gets wrong by itself, and what its own ways make of a gated call."""

from __future__ import annotations

import asyncio
import json
import threading
from typing import Any

import pytest
from agent_framework import Agent, Content, FunctionInvocationContext, Message, MiddlewareFailure, tool

from handrail.errors import InvalidInput
from handrail.integrations.agent_framework import gate, park, run, waker
from handrail.testing.conformance import ModelCall, Scene
from handrail.testing.conformance.scene import wait_until
from handrail.testing.conformance.script import one_turn, pay
from tests.integrations.agent_framework.harness import AgentFramework, App, Scripted


def test_resume_one_snapshot_twice_acts_twice_in_the_framework_alone_and_once_when_gated(scene: Scene) -> None:
    script = one_turn(pay("A1", 5))
    bare = Agent(client=Scripted(script), tools=[tool(scene.tools(script)["pay"], approval_mode="always_require")])

    async def twice() -> None:
        session = bare.create_session()
        response = await bare.run("begin", session=session)
        snapshot = json.dumps(session.to_dict())
        for _ in range(2):
            answers = [each.to_function_approval_response(True) for each in response.user_input_requests]
            restored = type(session).from_dict(json.loads(snapshot))
            await bare.run(Message(role="user", contents=answers), session=restored)

    asyncio.run(twice())
    assert len(scene.effects.read()) == 2
    harness = AgentFramework(scene)
    app = harness.build(script)
    harness.run(app)
    scene.desk().answer(scene.open_cases()[0].id, "approve")
    for _ in range(2):
        waker(app.hr, app.agent).step()
    assert len(scene.effects.read()) == 3


def test_refuse_natively_with_a_reason_puts_the_reason_before_the_results(scene: Scene) -> None:
    # why the adapter answers "look again" to the framework and says the refusal as the tool's result
    script = one_turn(pay("A1", 5))
    bare = Agent(client=Recording(script), tools=[tool(scene.tools(script)["pay"], approval_mode="always_require")])

    async def refused() -> list[str]:
        session = bare.create_session()
        response = await bare.run("begin", session=session)
        no = [each.to_function_approval_response(False) for each in response.user_input_requests]
        await bare.run(Message(role="user", contents=[*no, Content.from_text("why")]), session=session)
        return Recording.roles

    assert asyncio.run(refused()) == ["user", "assistant", "user", "tool"]


def test_refuse_in_handrail_reaches_the_model_as_the_result_of_its_call(scene: Scene) -> None:
    harness = AgentFramework(scene)
    app = harness.build(one_turn(pay("A1", 5)))
    harness.run(app)
    scene.desk().answer(scene.open_cases()[0].id, "reject", reason="wrong")
    harness.wake(app)
    assert [message.role for message in app.messages()][-2:] == ["tool", "assistant"]
    assert "Not executed" in harness.seen(app)[0].text


def test_approve_natively_what_nobody_decided_ends_the_run_and_leaves_the_park(scene: Scene) -> None:
    harness = AgentFramework(scene)
    app = harness.build(one_turn(pay("A1", 5)))
    harness.run(app)
    with pytest.raises(MiddlewareFailure, match="nothing ran"):
        harness.wake(app, "approve")
    scene.desk().answer(scene.open_cases()[0].id, "approve")
    harness.wake(app)
    assert scene.effects.read() == [{"to": "A1", "amount": 5}]


def test_run_what_policy_lets_through_beside_what_it_does_not_holds_both_until_decided(scene: Scene) -> None:
    harness = AgentFramework(scene)
    app = harness.build(one_turn(pay("A1", 5, id="c1"), ModelCall("c2", "note", {"text": "hi"})))
    harness.run(app)
    assert scene.effects.read() == []
    scene.desk().answer(scene.open_cases()[0].id, "approve")
    harness.wake(app)
    assert {"text": "hi"} in scene.effects.read()
    assert len(scene.effects.read()) == 2


def test_run_what_policy_lets_through_alone_parks_nothing(scene: Scene) -> None:
    harness = AgentFramework(scene)
    app = harness.build(one_turn(ModelCall("c1", "note", {"text": "hi"})))
    harness.run(app)
    assert scene.control.parks() == []
    assert scene.effects.read() == [{"text": "hi"}]


def test_pause_for_a_tool_that_nobody_gated_is_not_parked(scene: Scene) -> None:
    script = one_turn(pay("A1", 5))
    agent = Agent(client=Scripted(script), tools=[tool(scene.tools(script)["pay"], approval_mode="always_require")])
    with pytest.raises(InvalidInput, match="knows nothing"):
        asyncio.run(run(scene.control, agent, "begin"))


def test_park_a_streamed_run_is_woken_like_any_other(scene: Scene) -> None:
    app = App(scene, one_turn(pay("A1", 5)))

    async def streamed() -> None:
        session = app.agent.create_session(session_id="streamed")
        stream = app.agent.run("begin", session=session, stream=True)
        response = await stream.get_final_response()
        await park(app.hr, app.agent, session, response.user_input_requests, run="streamed")

    asyncio.run(streamed())
    scene.desk().answer(scene.open_cases()[0].id, "approve")
    assert waker(app.hr, app.agent).step()
    assert scene.effects.read() == [{"to": "A1", "amount": 5}]


def test_inject_the_context_into_a_gated_tool_keeps_session_and_arguments(scene: Scene) -> None:
    seen: list[Any] = []

    def pay_with(to: str, amount: int, ctx: FunctionInvocationContext) -> str:
        """Pay somebody."""
        seen.append((to, amount, ctx.session.session_id if ctx.session else None, ctx.kwargs.get("tenant")))
        return "paid"

    made = tool(pay_with, name="pay")
    gated = gate(scene.control, [made])
    assert gated[0].parameters() == made.parameters()
    agent = Agent(client=Scripted(one_turn(pay("A1", 5))), tools=gated)

    async def begun() -> None:
        session = agent.create_session(session_id="s-1")
        await run(scene.control, agent, "begin", session=session, function_invocation_kwargs={"tenant": "t"})

    asyncio.run(begun())
    scene.desk().answer(scene.open_cases()[0].id, "edit", arguments={"to": "A1", "amount": 4})
    assert waker(scene.control, agent, options={"function_invocation_kwargs": {"tenant": "t"}}).step()
    assert seen == [("A1", 4, "s-1", "t")]


def test_cancel_a_blocking_call_takes_its_case_back(scene: Scene) -> None:
    app = App(scene, one_turn(pay("A1", 5)), wait="block")

    async def cancelled() -> None:
        running = asyncio.ensure_future(app.agent.run("begin"))
        while not scene.open_cases():
            await asyncio.sleep(0.02)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)

    thread = threading.Thread(target=lambda: asyncio.run(cancelled()))
    thread.start()
    wait_until(lambda: [case.decision for case in scene.cases()] == ["cancelled"], "the case to be taken back")
    thread.join(60)
    assert scene.effects.read() == []


class Recording(Scripted):
    """Remembers the roles of the last request."""

    roles: list[str] = []  # noqa: RUF012

    async def _answer(self, messages: Any) -> Any:
        Recording.roles = [str(message.role) for message in messages]
        return await super()._answer(messages)
