"""A lead approves an action for the rest of its run: in process and over HTTP."""

from __future__ import annotations

from typing import Any

import pytest

import handrail
from handrail.client.http import HttpTransport
from handrail.errors import Forbidden, InvalidInput, NotFound
from tests.flows.conftest import World
from tests.flows.test_stories import answering


def refunds(world: World, hr: handrail.Client) -> Any:
    @hr.gate("refund", confidence=0.5, amount=lambda to, euros: (euros, "EUR"))
    def refund(to: str, euros: int) -> str:
        world.ledger.append((to, euros))
        return f"{euros} to {to}"

    return refund


def test_approve_for_the_run_answers_once_for_what_stays_within_it(world: World) -> None:
    hr, lea = world.client(), world.desk("lea", roles=("lead",))
    refund = refunds(world, hr)
    with hr.run(id="run-1", agent="billing"):
        someone = answering(lea, lambda held: held.approve(scope="run", uses=2))
        assert refund("a", 40) == "40 to a"
        someone.join()
        (granted,) = hr.call("grants")["items"]
        assert (granted["run"], granted["agent"], granted["uses_left"]) == ("run-1", "billing", 2)
        assert (granted["amount"], granted["currency"]) == ("40", "EUR")
        # nobody answers these: a person would be asked
        assert [refund("b", 40), refund("c", 3)] == ["40 to b", "3 to c"]
        third = refund.request("d", 3)
        assert hr.decision(third.case_id) is None
        assert hr.call("grants")["items"] == []
    assert world.ledger == [("a", 40), ("b", 40), ("c", 3)]


def test_approve_for_the_run_is_shown_on_the_cards_that_go_beyond_it(world: World) -> None:
    hr, ann, lea = world.client(), world.desk("ann"), world.desk("lea", roles=("lead",))
    if not isinstance(hr.transport, HttpTransport):
        # cards are drawn by the server; the same verbs run below
        assert [hr.call("grants"), lea.call("grants")] == [{"items": []}] * 2
        return
    refund = refunds(world, hr)
    with hr.run(id="run-1", agent="billing"):
        first, beyond = refund.request("a", 40).case_id, refund.request("b", 41).case_id

    def card(desk: handrail.Desk, case_id: str) -> Any:
        assert isinstance(desk._transport, HttpTransport)
        return desk._transport.get(f"/v1/cases/{case_id}")["card"]

    assert [card(ann, first)["scopes"], card(lea, first)["scopes"]] == [["action"], ["action", "run"]]
    assert card(lea, beyond)["grants"] == []
    made: Any = lea.answer(first, "approve", scope="run")
    (shown,) = card(ann, beyond)["grants"]
    assert (shown["id"], shown["by"], shown["amount"], shown["uses_left"]) == (made["grant"], "lea", "40", 20)


def test_approve_for_the_run_ends_by_hand_and_by_a_halt(world: World) -> None:
    hr, lea = world.client(), world.desk("lea", roles=("lead",))
    refund = refunds(world, hr)
    for ending in ("hand", "halt"):
        with hr.run(id=f"run-{ending}", agent="billing"):
            someone = answering(lea, lambda held: held.approve(scope="run"))
            refund("a", 40)
            someone.join()
            (granted,) = hr.call("grants")["items"]
            if ending == "hand":
                lea.call("end_grant", id=granted["id"])
                with pytest.raises(NotFound):
                    lea.call("end_grant", id=granted["id"])
            else:
                hr.lift(hr.halt(run=f"run-{ending}"))
            assert hr.call("grants")["items"] == []
            asked = refund.request("b", 40).case_id
            assert hr.decision(asked) is None
            hr.cancel(asked)


def test_approve_for_the_run_is_the_leads_and_never_for_high_stakes(world: World) -> None:
    hr, ann, lea = world.client(), world.desk("ann"), world.desk("lea", roles=("lead",))
    refund = refunds(world, hr)

    @hr.gate("pay", confidence=0.1, amount=lambda euros: (euros, "INR"))
    def pay(euros: int) -> None:
        world.ledger.append(("paid", euros))

    with hr.run(id="run-1", agent="billing"):
        case, stakes = refund.request("a", 40).case_id, pay.request(20).case_id
    with pytest.raises(Forbidden, match="lead"):
        ann.answer(case, "approve", scope="run")
    for wrong in ({"scope": "run", "uses": 21}, {"scope": "always"}, {"scope": "run", "seconds": 14_401}):
        with pytest.raises(InvalidInput):
            lea.answer(case, "approve", **wrong)
    with pytest.raises(InvalidInput, match="looks at each"):
        lea.answer(stakes, "approve", scope="run")
    assert hr.decision(case) is None
    assert hr.call("grants")["items"] == []
