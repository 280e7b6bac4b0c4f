"""What goes wrong with the framework alone does not go wrong behind the gate."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Sequence
from datetime import date
from typing import Any

import pytest
from pydantic import BaseModel
from pydantic_ai import (
    Agent,
    AgentRunResult,
    DeferredToolRequests,
    DeferredToolResults,
    FunctionToolset,
    RunContext,
    Tool,
    ToolApproved,
    ToolReturn,
)
from pydantic_ai.exceptions import ModelRetry, UserError
from pydantic_ai.messages import (
    ModelMessage,
    ModelRequest,
    ModelResponse,
    RetryPromptPart,
    TextPart,
    ToolCallPart,
    ToolReturnPart,
)
from pydantic_ai.models.function import AgentInfo, FunctionModel

import handrail
from handrail.errors import InvalidInput
from handrail.integrations.pydantic_ai import Gate, ask, gate, park, run, ungated, waits, waker

PAUSES = [str, DeferredToolRequests]


def model(*turns: Sequence[ToolCallPart]) -> FunctionModel:
    """Makes these calls, a turn for each of its earlier answers, and says "done"."""

    def respond(messages: list[ModelMessage], info: AgentInfo) -> ModelResponse:
        turn = sum(isinstance(message, ModelResponse) for message in messages)
        return ModelResponse(parts=list(turns[turn]) if turn < len(turns) else [TextPart("done")])

    return FunctionModel(respond)


def call(name: str, id: str = "c1", **arguments: Any) -> ToolCallPart:
    return ToolCallPart(name, arguments, tool_call_id=id)


def told(result: AgentRunResult[Any]) -> dict[str, Any]:
    return {
        part.tool_call_id: part.content
        for message in result.all_messages()
        if isinstance(message, ModelRequest)
        for part in message.parts
        if isinstance(part, ToolReturnPart | RetryPromptPart)
    }


class Invoice(BaseModel):
    due: date
    lines: set[str]


class Payer:
    """A tool and its effects."""

    def __init__(self) -> None:
        self.effects: list[tuple[str, int]] = []

    def pay(self, to: str, amount: int) -> str:
        """Pay somebody."""
        self.effects.append((to, amount))
        return f"paid {amount} to {to}"


@pytest.fixture
def payer() -> Payer:
    return Payer()


def woken(hr: handrail.Client, agent: Agent[Any, Any], **more: Any) -> list[AgentRunResult[Any]]:
    """Wake until nothing is due."""
    results: list[AgentRunResult[Any]] = []
    one = waker(hr, agent, then=lambda _, result: results.append(result), **more)
    while one.step():
        pass
    return results


def natively(
    agent: Agent[Any, Any], history: Sequence[ModelMessage], results: DeferredToolResults
) -> AgentRunResult[Any]:
    """Go on as the framework alone would."""
    return asyncio.run(agent.run(message_history=history, deferred_tool_results=results, conversation_id="r1"))


def agent_of(
    hr: handrail.Client, tools: Sequence[Callable[..., Any]], *turns: Sequence[ToolCallPart]
) -> Agent[Any, Any]:
    return Agent(model(*turns), toolsets=[gate(hr, tools)], output_type=PAUSES)


def test_replay_history_and_approval_three_times_acts_once(
    hr: handrail.Client, desk: handrail.Desk, payer: Payer
) -> None:
    agent = agent_of(hr, [payer.pay], [call("pay", to="A1", amount=5)])
    paused = asyncio.run(run(hr, agent, "go", run="r1"))
    desk.next().approve()
    results = DeferredToolResults(approvals={"c1": True})
    for _ in range(3):
        again = natively(agent, paused.all_messages(), results)
        assert told(again)["c1"] == "paid 5 to A1"
    assert payer.effects == [("A1", 5)]


def test_edit_the_history_under_an_approval_asks_again(hr: handrail.Client, desk: handrail.Desk, payer: Payer) -> None:
    agent = agent_of(hr, [payer.pay], [call("pay", to="A1", amount=5)])
    paused = asyncio.run(run(hr, agent, "go", run="r1"))
    desk.next().approve()
    history = paused.all_messages()
    history[-1].parts[0].args = {"to": "A1", "amount": 50}  # type: ignore[union-attr]
    again = natively(agent, history, DeferredToolResults(approvals={"c1": True}))
    assert isinstance(again.output, DeferredToolRequests)
    assert again.output.metadata["c1"]["case_id"] != paused.output.metadata["c1"]["case_id"]
    assert payer.effects == []


def test_override_args_of_the_framework_are_ignored(hr: handrail.Client, desk: handrail.Desk, payer: Payer) -> None:
    agent = agent_of(hr, [payer.pay], [call("pay", to="A1", amount=5)])
    paused = asyncio.run(run(hr, agent, "go", run="r1"))
    desk.next().approve()
    other = DeferredToolResults(approvals={"c1": ToolApproved(override_args={"to": "A9", "amount": 900})})
    natively(agent, paused.all_messages(), other)
    assert payer.effects == [("A1", 5)]


def test_pause_without_deferred_requests_in_the_output_type_runs_nothing(hr: handrail.Client, payer: Payer) -> None:
    agent: Agent[None, str] = Agent(model([call("pay", to="A1", amount=5)]), toolsets=[gate(hr, [payer.pay])])
    with pytest.raises(UserError):
        asyncio.run(run(hr, agent, "go"))
    assert payer.effects == []


def test_new_prompt_while_parked_takes_the_calls_back(hr: handrail.Client, desk: handrail.Desk, payer: Payer) -> None:
    agent = agent_of(hr, [payer.pay], [call("pay", to="A1", amount=5)])
    paused = asyncio.run(run(hr, agent, "go", run="r1"))
    with pytest.raises(UserError):
        # the framework itself refuses a prompt on the history that waits
        asyncio.run(run(hr, agent, "never mind", run="r1", message_history=paused.all_messages()))
    assert hr.parks() == []
    assert desk.next() is None
    assert woken(hr, agent) == []


def test_wake_only_when_the_last_call_is_decided(hr: handrail.Client, desk: handrail.Desk, payer: Payer) -> None:
    calls = [call("pay", "c1", to="A1", amount=5), call("pay", "c2", to="A2", amount=6)]
    agent = agent_of(hr, [payer.pay], calls)
    asyncio.run(run(hr, agent, "go"))
    desk.next().approve()
    assert woken(hr, agent) == []
    assert payer.effects == []
    desk.next().reject("wrong")
    (result,) = woken(hr, agent)
    # the calls of one turn are asked for in any order
    (effect,) = payer.effects
    refused = {("A1", 5): "c2", ("A2", 6): "c1"}[effect]
    assert "wrong" in told(result)[refused]


def test_stored_arguments_are_validated_again_before_they_run(hr: handrail.Client, desk: handrail.Desk) -> None:
    paid: list[Invoice] = []

    def pay(invoice: Invoice) -> str:
        """Pay an invoice."""
        paid.append(invoice)
        return "paid"

    agent = agent_of(hr, [pay], [call("pay", due="2026-11-20", lines=["a"])])
    asyncio.run(run(hr, agent, "go"))
    desk.next().edit({"due": "2026-12-01", "lines": ["a", "b"]})
    (result,) = woken(hr, agent)
    assert paid == [Invoice(due=date(2026, 12, 1), lines={"a", "b"})]
    assert told(result)["c1"].startswith("paid\n[handrail] A reviewer changed this call")


def test_tool_that_changed_while_parked_is_refused_and_keeps_the_approval(
    hr: handrail.Client, desk: handrail.Desk, payer: Payer
) -> None:
    asyncio.run(run(hr, agent_of(hr, [payer.pay], [call("pay", to="A1", amount=5)]), "go", run="r1"))
    desk.next().approve()

    def pay(account: str) -> str:
        """Pay somebody."""
        raise AssertionError

    (result,) = woken(hr, agent_of(hr, [pay], [call("pay", to="A1", amount=5)]))
    assert "paid" not in str(told(result)["c1"])
    # the approval is still good for the tool that it was given for
    agent = agent_of(hr, [payer.pay], [call("pay", to="A1", amount=5)])
    assert told(asyncio.run(run(hr, agent, "go", run="r1")))["c1"] == "paid 5 to A1"


def test_check_of_the_tool_itself_holds_for_edits(hr: handrail.Client, desk: handrail.Desk, payer: Payer) -> None:
    async def check(ctx: RunContext[Any], to: str, amount: int) -> None:
        if amount > 100:
            raise ModelRetry("too much")

    agent = agent_of(hr, [Tool(payer.pay, args_validator=check)], [call("pay", to="A1", amount=5)])  # type: ignore[list-item]
    asyncio.run(run(hr, agent, "go"))
    desk.next().edit({"to": "A1", "amount": 500})
    (result,) = woken(hr, agent)
    assert "too much" in told(result)["c1"]
    assert payer.effects == []


def test_call_id_of_an_earlier_turn_is_another_call(hr: handrail.Client, desk: handrail.Desk, payer: Payer) -> None:
    same = call("pay", to="A1", amount=5)
    agent = agent_of(hr, [payer.pay], [same], [same])
    asyncio.run(run(hr, agent, "go"))
    for _ in range(2):
        desk.next().approve()
        woken(hr, agent)
    assert payer.effects == [("A1", 5)] * 2


def test_rich_results_are_recorded_and_repeated(hr: handrail.Client, desk: handrail.Desk) -> None:
    def pay(to: str) -> ToolReturn:
        """Pay."""
        return ToolReturn({"paid": to}, content="see the receipt", metadata={"receipt": 1})

    agent = agent_of(hr, [pay], [call("pay", to="A1")])
    paused = asyncio.run(run(hr, agent, "go", run="r1"))
    desk.next().approve()
    approved = DeferredToolResults(approvals={"c1": True})
    results = [natively(agent, paused.all_messages(), approved) for _ in range(2)]
    for result in results:
        (part,) = [p for m in result.all_messages() for p in m.parts if isinstance(p, ToolReturnPart)]
        assert (part.content, part.metadata) == ({"paid": "A1"}, {"receipt": 1})
        assert "see the receipt" in str(result.all_messages())


def test_tool_that_asks_to_be_called_otherwise_is_failed_and_the_model_may_try(
    hr: handrail.Client, desk: handrail.Desk
) -> None:
    tried: list[str] = []

    def look(city: str) -> str:
        """Look a city up."""
        tried.append(city)
        if city == "Prais":
            raise ModelRetry("no such city")
        return "rain"

    inner: FunctionToolset[None] = FunctionToolset([look], max_retries=2)
    agent: Agent[None, Any] = Agent(
        model([call("look", "c1", city="Prais")], [call("look", "c2", city="Paris")]),
        toolsets=[gate(hr, inner, confidence=0.9)], output_type=PAUSES,
    )  # fmt: skip
    result = asyncio.run(run(hr, agent, "go"))
    assert (result.output, tried) == ("done", ["Prais", "Paris"])
    assert told(result)["c2"] == "rain"


def test_timeout_of_a_tool_leaves_it_to_a_person(hr: handrail.Client) -> None:
    async def look(city: str) -> str:
        """Look a city up."""
        await asyncio.sleep(60)
        return city

    inner: FunctionToolset[None] = FunctionToolset([Tool(look, timeout=0.02)])
    agent: Agent[None, Any] = Agent(
        model([call("look", city="Paris")]), toolsets=[gate(hr, inner, confidence=0.9)], output_type=PAUSES
    )
    result = asyncio.run(run(hr, agent, "go"))
    assert "whether it took effect is not known" in told(result)["c1"]


def test_gate_as_a_capability_covers_tools_of_the_agent_itself(
    hr: handrail.Client, desk: handrail.Desk, payer: Payer
) -> None:
    agent: Agent[None, Any] = Agent(
        model([call("pay", to="A1", amount=5)]), capabilities=[Gate(hr)], output_type=PAUSES
    )
    agent.tool_plain(payer.pay, requires_approval=True)
    paused = asyncio.run(run(hr, agent, "go"))
    assert paused.output.metadata["c1"]["case_id"]
    assert payer.effects == []
    desk.next().approve()
    woken(hr, agent)
    assert payer.effects == [("A1", 5)]


def test_ungated_tools_are_named(hr: handrail.Client, payer: Payer) -> None:
    def note() -> str:
        """Note."""
        return ""

    agent: Agent[None, Any] = Agent(model(), tools=[note, ask(hr)], toolsets=[gate(hr, [payer.pay])])
    assert ungated(agent) == ["note"]


def test_question_of_the_model_is_answered_by_a_person(hr: handrail.Client, desk: handrail.Desk) -> None:
    agent: Agent[None, Any] = Agent(
        model([call("ask_person", question="Which account?")]), tools=[ask(hr)], capabilities=[Gate(hr)],
        output_type=PAUSES,
    )  # fmt: skip
    paused = asyncio.run(run(hr, agent, "go"))
    assert paused.output.kind("c1") == "question"
    desk.next().respond("4410-22")
    (result,) = woken(hr, agent)
    assert told(result)["c1"] == "4410-22"


def test_question_that_nobody_answers_is_told_as_that(hr: handrail.Client, desk: handrail.Desk) -> None:
    agent: Agent[None, Any] = Agent(
        model([call("ask_person", question="Which account?")]), tools=[ask(hr)], output_type=PAUSES
    )
    asyncio.run(run(hr, agent, "go"))
    desk.next().reject("not_allowed", note="look it up")
    (result,) = woken(hr, agent)
    assert "the question was rejected" in told(result)["c1"]
    assert "look it up" in told(result)["c1"]


def test_wait_inside_the_run_needs_no_park(hr: handrail.Client, desk: handrail.Desk, payer: Payer) -> None:
    agent: Agent[None, str] = Agent(
        model([call("pay", "c1", to="A1", amount=5), call("ask_person", "c2", question="Sure?")]),
        toolsets=[gate(hr, [payer.pay])], tools=[ask(hr)], capabilities=[waits(hr)],
    )  # fmt: skip

    def decide() -> None:
        done = 0
        while done < 2:
            held = desk.next()
            if held is None:
                continue
            row = hr.plane.proposal(hr.plane.workspace_id, held.case_id)
            held.respond("yes") if row.action == "question" else held.edit({"to": "A1", "amount": 4})
            done += 1

    reviewer = threading.Thread(target=decide)
    reviewer.start()
    result = asyncio.run(run(hr, agent, "go"))
    reviewer.join()
    assert (result.output, payer.effects) == ("done", [("A1", 4)])
    assert told(result)["c2"] == "yes"
    assert hr.parks() == []


def test_cancelled_wait_takes_its_calls_back(hr: handrail.Client, desk: handrail.Desk, payer: Payer) -> None:
    agent: Agent[None, str] = Agent(
        model([call("pay", to="A1", amount=5)]), toolsets=[gate(hr, [payer.pay])], capabilities=[waits(hr)]
    )

    async def story() -> None:
        waiting = asyncio.create_task(run(hr, agent, "go"))
        while (held := desk.next()) is None:
            await asyncio.sleep(0.01)
        held.release()
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting

    asyncio.run(story())
    assert desk.next() is None
    assert payer.effects == []


def test_park_beside_a_call_that_nobody_gated_says_so(hr: handrail.Client, payer: Payer) -> None:
    def own() -> str:
        """The caller's own."""
        return "own"

    agent: Agent[None, Any] = Agent(
        model([call("pay", "c1", to="A1", amount=5), call("own", "c2")]), toolsets=[gate(hr, [payer.pay])],
        output_type=PAUSES, tools=[Tool(own, requires_approval=True)],
    )  # fmt: skip
    with pytest.raises(InvalidInput, match="own"):
        asyncio.run(run(hr, agent, "go"))


def test_park_a_run_that_was_begun_elsewhere_goes_by_its_conversation(
    hr: handrail.Client, desk: handrail.Desk, payer: Payer
) -> None:
    agent = agent_of(hr, [payer.pay], [call("pay", to="A1", amount=5)])

    async def story() -> str:
        paused = await agent.run("go")
        assert await park(hr, paused) is not None
        return paused.conversation_id

    conversation = asyncio.run(story())
    assert [parked.run for parked in hr.parks()] == [conversation]
    desk.next().approve()
    (result,) = woken(hr, agent)
    assert (result.output, payer.effects) == ("done", [("A1", 5)])
    assert result.conversation_id == conversation


def test_dependencies_are_given_at_the_wake(hr: handrail.Client, desk: handrail.Desk) -> None:
    seen: list[tuple[str, str]] = []

    def pay(ctx: RunContext[str], to: str) -> str:
        """Pay."""
        seen.append((ctx.deps, to))
        return "paid"

    agent: Agent[str, Any] = Agent(
        model([call("pay", to="A1")]), toolsets=[gate(hr, [pay])], output_type=PAUSES, deps_type=str
    )
    asyncio.run(run(hr, agent, "go", run="r1", deps="first"))
    desk.next().approve()
    woken(hr, agent, options=lambda name: {"deps": f"of {name}"})
    assert seen == [("of r1", "A1")]
