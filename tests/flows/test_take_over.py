"""Agent and person work on one task: a person does a step himself, and the agent goes on. Both transports."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import pytest

import handrail
from handrail.client.http import HttpTransport
from handrail.client.steps import Start
from handrail.errors import AlreadyDecided, ClaimLost, Conflict, Forbidden, NotExecutable, ToolFailed
from handrail.proposal import Proposal
from tests.flows.conftest import World
from tests.flows.test_stories import leave


def booking(world: World, hr: handrail.Client, action: str = "book", **more: Any) -> Any:
    @hr.gate(action, **more)
    def book(room: str) -> str:
        world.ledger.append(("agent booked", room))
        return f"booked {room}"

    return book


def in_background(call: Any) -> tuple[threading.Thread, list[Any]]:
    """What a waiting program got or raised."""
    got: list[Any] = []

    def run() -> None:
        try:
            got.append(call())
        except Exception as error:
            got.append(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    return thread, got


def test_take_over_an_open_step_the_agent_waits_and_gets_what_the_person_did(world: World) -> None:
    hr, ann, bob = world.client(), world.desk("ann"), world.desk("bob")
    pending = booking(world, hr, confidence=0.99).request("blue")
    waiting, got = in_background(lambda: pending.result(timeout=20))
    taken = ann.take_over(pending.case_id)
    assert (taken.held, taken.action, taken.arguments) == ("claim", "book", {"room": "blue"})
    with pytest.raises(Conflict):
        bob.answer(pending.case_id, "approve")
    with pytest.raises(Conflict):
        bob.take_over(pending.case_id)
    assert got == []
    assert taken.hand_back("booked by telephone", note="they were closed online") == "responded"
    waiting.join(20)
    assert got == ["booked by telephone"]
    assert world.ledger == []
    decision = hr.decision(pending.case_id)
    assert decision is not None
    assert (decision.kind, decision.value) == ("responded", "booked by telephone")
    with pytest.raises(AlreadyDecided):
        ann.take_over(pending.case_id)


def test_take_over_then_give_back_leaves_the_step_to_others(world: World) -> None:
    hr, ann, bob = world.client(), world.desk("ann"), world.desk("bob")
    pending = booking(world, hr).request("blue")
    taken = ann.take_over(pending.case_id)
    assert taken.give_back() == "open"
    with pytest.raises(ClaimLost):
        taken.give_back()
    with pytest.raises((ClaimLost, Conflict)):
        taken.hand_back("late")
    bob.answer(pending.case_id, "approve")
    assert pending.result(timeout=20) == "booked blue"
    assert world.ledger == [("agent booked", "blue")]


def test_take_over_an_approved_step_refuses_the_agent_until_it_is_handed_back(world: World) -> None:
    hr, ann, bob = world.client(), world.desk("ann"), world.desk("bob")
    pending = booking(world, hr, tool_class="idempotent").request("blue")
    bob.answer(pending.case_id, "approve")
    taken = ann.take_over(pending.case_id, seconds=60)
    assert taken.held == "execution"
    with pytest.raises(NotExecutable, match="another executor"):
        hr.transport.send(Start(case_id=pending.case_id, nonce="agent"))
    with pytest.raises(Conflict):
        bob.take_over(pending.case_id)
    waiting, got = in_background(lambda: pending.result(timeout=20))
    assert taken.hand_back("booked at the desk") == "succeeded"
    waiting.join(20)
    assert got == ["booked at the desk"]
    assert world.ledger == []
    with pytest.raises(ClaimLost):
        taken.hand_back("twice")


def test_give_back_an_approved_step_fails_the_call_and_runs_nothing(world: World) -> None:
    hr, ann = world.client(), world.desk("ann")
    pending = booking(world, hr).request("blue")
    ann.answer(pending.case_id, "approve")
    assert ann.take_over(pending.case_id).give_back() == "failed"
    with pytest.raises(ToolFailed, match="gave it back"):
        pending.result(timeout=20)
    assert world.ledger == []


def test_take_over_what_the_agent_has_done_is_refused(world: World) -> None:
    hr, ann = world.client(), world.desk("ann")
    pending = booking(world, hr).request("blue")
    ann.answer(pending.case_id, "approve")
    assert pending.result(timeout=20) == "booked blue"
    with pytest.raises(Conflict, match="somebody else has begun"):
        ann.take_over(pending.case_id)


def test_take_over_by_a_program_is_refused(world: World) -> None:
    hr = world.client()
    case = hr.propose(Proposal(action="book", arguments={"room": "blue"})).case_id
    with pytest.raises(Forbidden):
        handrail.Desk(hr.transport).take_over(case)


def test_take_over_on_an_event_loop_hands_back(world: World) -> None:
    async def story() -> None:
        hr, ann = world.client(), world.desk("ann")
        pending = await hr.aio.propose(Proposal(action="book", arguments={"room": "blue"}))
        taken = await ann.atake_over(pending.case_id)
        assert await taken.ahand_back({"room": "green"}) == "responded"
        decision = await hr.aio.decision(pending.case_id, timeout=20)
        assert decision is not None
        assert decision.value == {"room": "green"}
        await leave(hr)
        if isinstance(ann._transport, HttpTransport):
            await ann._transport.aclose()

    asyncio.run(story())


@pytest.mark.parametrize(("action", "confidence"), [("book", 1.0), ("sign", 1.0)])
def test_collaborate_and_human_leads_ask_however_sure_the_agent_is(
    world: World, action: str, confidence: float
) -> None:
    hr, ann, lea = world.client(), world.desk("ann"), world.desk("lea", roles=("lead",))
    with hr.run(id="run-1", agent="billing"):
        pending = booking(world, hr, action, confidence=confidence).request("blue")
    assert pending.tier == "hard_gate"
    # nor does an approval for the run let a person out of it
    with pytest.raises(handrail.HandrailError, match=r"looks at each|takes part in each"):
        lea.answer(pending.case_id, "approve", scope="run")
    ann.answer(pending.case_id, "edit", arguments={"room": "green"})
    assert pending.result(timeout=20) == "booked green"
