"""How long somebody may hold something is one bound, and known where it is declared. Both transports."""

from __future__ import annotations

from typing import Any

import pytest

from handrail.client.steps import Call, Start, Submit, TakeWake
from handrail.client.toolcall import ToolGate
from handrail.errors import InvalidInput
from handrail.proposal import Proposal
from tests.flows.conftest import World

NO_HOLD: tuple[Any, ...] = (0, 0.5, -1, 86_400.5, 7 * 86_400, float("nan"), float("inf"), True, None, "300")
NO_TIME: tuple[Any, ...] = (0, -5, float("nan"), float("inf"), True, [], "soon", "", "0s", "367d", "9" * 400 + "d")


@pytest.mark.parametrize("lasting", NO_HOLD, ids=repr)
def test_hold_beyond_its_bounds_is_refused_where_it_is_declared(world: World, lasting: Any) -> None:
    hr = world.client()
    with pytest.raises(InvalidInput, match="lasting is a number of seconds from 1 to 86400"):

        @hr.gate("pay", lasting=lasting)
        def pay(to: str) -> None: ...

    with pytest.raises(InvalidInput, match="lasting is a number of seconds from 1 to 86400"):
        ToolGate(hr, terms={"transfer": {"lasting": lasting}})
    with pytest.raises(InvalidInput, match="lasting is a number of seconds from 1 to 86400"):
        hr.waker("toy", lambda woken: None, lasting=lasting)


@pytest.mark.parametrize("lasting", [1, 1.0, 86_400])
def test_longest_and_shortest_hold_begin_at_once_and_after_a_decision(world: World, lasting: float) -> None:
    hr = world.client()

    @hr.gate("pay", confidence=0.99, amount=lambda amount: amount, currency="INR", lasting=lasting)
    def pay(amount: int) -> int:
        return amount

    assert pay(5) == 5
    pending = pay.request(500)
    world.desk("Asha").take(pending.case_id).approve()
    assert pending.result(5) == 500


@pytest.mark.parametrize("lasting", [0.0, 0.999, 86_401.0, 7 * 86_400.0])
def test_hold_beyond_its_bounds_is_refused_by_every_door(world: World, lasting: float) -> None:
    send = world.client().transport.send
    sure = Proposal(action="refund", arguments={"n": 1}, confidence=0.99)
    case_id = world.client().propose(sure).case_id
    for step in (
        Submit(proposal=sure, nonce="n", lasting=lasting),
        Start(case_id=case_id, nonce="n", lasting=lasting),
        TakeWake(nonce="n", frameworks=("toy",), lasting=lasting),
        Call(verb="renew_wake", arguments={"id": "x", "fence": 1, "lasting": lasting}),
    ):
        with pytest.raises(InvalidInput):
            send(step)
    assert world.plane.proposal("default", case_id).decision == "approved"
    assert send(Start(case_id=case_id, nonce="n", lasting=1.0)).state == "started"


@pytest.mark.parametrize("within", NO_TIME, ids=lambda value: repr(value)[:20])
def test_question_within_no_time_is_refused_and_not_asked(world: World, within: Any) -> None:
    with pytest.raises(InvalidInput, match="no time of up to 366 days"):
        world.client().ask("Which account?", within=within, timeout=0)
    assert world.desk("Asha").next() is None


@pytest.mark.parametrize(("within", "seconds"), [("2h", 7200), ("0.5s", 1), (90, 90), (1.5, 1), ("366d", 366 * 86_400)])
def test_question_within_a_time_is_due_then(world: World, within: Any, seconds: int) -> None:
    with pytest.raises(TimeoutError):
        world.client().ask("Which account?", within=within, timeout=0, key="q")
    held = world.desk("Asha").next()
    assert held is not None
    assert world.plane.proposal("default", held.case_id).record()["within_seconds"] == seconds
