"""What people corrected before is offered to the program that proposes next. Both transports."""

from __future__ import annotations

import asyncio
import threading

import pytest

import handrail
from handrail.errors import InvalidInput
from handrail.proposal import Proposal
from tests.flows.conftest import World
from tests.flows.test_stories import leave


def gated(hr: handrail.Client, text: str, **more: object) -> str:
    """A refund that waits for a person."""
    arguments = {"to": text, "euros": 40}
    return hr.propose(Proposal(action="refund", arguments=arguments, confidence=0.1, **more)).case_id  # type: ignore[arg-type]


def test_guidance_offers_corrections_most_alike_first_with_role_and_outcome(world: World) -> None:
    hr, ann = world.client(), world.desk("ann")
    train, hotel, third, right = (gated(hr, name) for name in ("train ticket", "hotel night", "taxi ride", "hotel bar"))
    ann.answer(train, "edit", arguments={"to": "train ticket", "euros": 20}, note="half is the rule")
    ann.answer(hotel, "reject", reason="not_allowed", note="hotels are never refunded")
    ann.answer(third, "redirect", instruction="offer a voucher")
    ann.answer(right, "approve")
    hr.outcome(hotel, correct=False)
    newest_first = hr.guidance("refund")
    assert [each.case_id for each in newest_first] == [third, hotel, train]
    for _ in range(200):
        first = hr.guidance("refund", {"to": "another hotel night"}, limit=1)[0]
        if first.score > 0:
            break
        threading.Event().wait(0.05)
    assert (first.case_id, first.verdict, first.decision, first.correct) == (hotel, "reject", "rejected", False)
    assert (first.reason, first.note, first.roles) == ("not_allowed", "hotels are never refunded", ("reviewer",))
    assert first.arguments == {"to": "hotel night", "euros": 40}
    edited, redirected = newest_first[2], newest_first[0]
    assert (edited.instead, edited.decision) == ({"to": "train ticket", "euros": 20}, "approved")
    assert redirected.instruction == "offer a voucher"
    assert "ann" not in str(newest_first).lower()
    assert hr.guidance("pay") == []
    with pytest.raises(InvalidInput):
        hr.guidance("refund", limit=21)


def test_guidance_permits_nothing(world: World) -> None:
    hr, ann = world.client(), world.desk("ann")
    ann.answer(gated(hr, "train"), "edit", arguments={"to": "train", "euros": 20})
    (offered,) = hr.guidance("refund")
    again = hr.propose(Proposal(action="refund", arguments=offered.instead, confidence=0.1))
    assert (again.tier, again.status) == ("hard_gate", "open")


def test_guidance_never_shows_personal_or_erased_values(world: World) -> None:
    hr, ann = world.client(), world.desk("ann")
    secret = gated(hr, "Maria Keller", personal_data=("/to",), principal="maria")
    ann.answer(secret, "edit", arguments={"to": "Maria Keller", "euros": 20}, note="maria keller asked for half")
    (offered,) = hr.guidance("refund")
    assert offered.arguments == {"to": "[personal]", "euros": 40}
    assert offered.instead == {"to": "[personal]", "euros": 20}
    assert "keller" not in str(offered).lower()
    world.erase("maria")
    assert hr.guidance("refund") == []


def test_guidance_on_an_event_loop_is_the_same(world: World) -> None:
    async def story() -> None:
        hr, ann = world.client(), world.desk("ann")
        ann.answer(gated(hr, "train"), "reject", reason="wrong")
        assert await hr.aio.guidance("refund") == hr.guidance("refund")
        await leave(hr)

    asyncio.run(story())
