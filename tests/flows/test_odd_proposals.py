"""A proposal that a program fills in oddly fares alike in process and over HTTP."""

from __future__ import annotations

import math
from typing import Any

import pytest

from handrail.errors import InvalidInput
from handrail.proposal import Proposal
from tests.flows.conftest import World

PAY: dict[str, Any] = {"action": "pay", "arguments": {"a": 1}, "amount": "5", "currency": "INR", "confidence": 0.99}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("evidence", "x"), ("evidence", (1,)), ("owners", "ann"), ("owners", (5,)), ("severity", -1),
        ("severity", "x"), ("categories", 5), ("model", 5), ("within_seconds", True), ("within_seconds", 1.5),
        ("to", "lead"), ("agent_says", 5), ("environment", "e" * 150),
    ],
)  # fmt: skip
def test_propose_with_a_wrong_field_is_refused_by_its_name(world: World, name: str, value: Any) -> None:
    with pytest.raises(InvalidInput) as caught:
        world.client().propose(Proposal(**PAY | {name: value}))
    assert name in str(caught.value)


@pytest.mark.parametrize(
    ("changed", "tier", "reason"),
    [
        ({"confidence": math.nan}, "hard_gate", "confidence_malformed"),
        ({"confidence": "0.99"}, "hard_gate", "confidence_malformed"),
        ({"amount": 5}, "auto_approve", "confidence_reached"),
        ({"severity": None}, "auto_approve", "confidence_reached"),
    ],
)
def test_propose_with_an_odd_field_is_routed_as_its_json(
    world: World, changed: dict[str, Any], tier: str, reason: str
) -> None:
    made = world.client().propose(Proposal(**PAY | changed))
    assert (made.tier, made.reasons[0].code) == (tier, reason)
