"""A full queue: what is declared for a tier happens, it ends by hysteresis, and hard_gate is never loosened."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from handrail.errors import InvalidPolicy
from handrail.operations.overflow import Displaced, shadow_cost
from handrail.policy.evaluate import compile_text
from handrail.policy.facts import NO_FACTS, Facts
from handrail.proposal import Proposal
from handrail.server.monitors import overview
from tests.monitors.scene import ANN, Scene

BASE = """
escalation_policies:
  - action_type: post
    auto_approve_threshold: 0.9
    soft_review_threshold: 0.5
    overflow_floor: 0.8
    spot_check_rate: 0.1
    undo: unpost
    undo_seconds: 0
  - {action_type: unpost, autonomy: full}
  - {action_type: final, auto_approve_threshold: 0.9, soft_review_threshold: 0.5, overflow_floor: 0.6, undo_seconds: 0}
cost: {currency: EUR, wrong: 100, refused: 10, delay_minute: 1, review: 1}
"""
MODES = ("hold", "page", "widen", "sample", "reject")


def policy(soft: str = "hold", hard: str = "hold", more: str = "") -> str:
    return BASE + f"overflow: {{soft_review: {soft}, hard_gate: {hard}, sample_share: 0.25}}\n{more}"


def tier(text: str, confidence: float, *, action: str = "post", full: bool = True, draw: float = 0.9999) -> str:
    made = compile_text(text)
    proposal = Proposal(action=action, arguments={}, confidence=confidence)
    return made.route(proposal, Facts(overflow=500) if full else NO_FACTS, now=0, draw=draw).tier


@pytest.mark.parametrize(
    ("soft", "at_85", "at_60"),
    [("hold", "hard_gate", "hard_gate"), ("page", "hard_gate", "hard_gate"), ("widen", "auto_approve", "hard_gate"),
     ("reject", "deny", "deny")],
)  # fmt: skip
def test_full_queue_does_what_is_declared_for_soft_review(soft: str, at_85: str, at_60: str) -> None:
    assert (tier(policy(soft), 0.85), tier(policy(soft), 0.6)) == (at_85, at_60)
    assert tier(policy(soft), 0.85, full=False) == "soft_review"
    assert tier(policy(soft), 0.95) == "auto_approve"


def test_sampling_looks_at_the_share_it_names_and_says_how_likely_that_was() -> None:
    made = compile_text(policy("sample"))
    proposal = Proposal(action="post", arguments={}, confidence=0.7)
    routes = [made.route(proposal, Facts(overflow=9), now=0, draw=(i + 0.37) / 4001) for i in range(4001)]
    kept = [route for route in routes if route.tier == "soft_review"]
    assert abs(len(kept) / 4001 - 0.25) < 0.03
    assert {route.inclusion for route in kept} == {0.25}
    # those that nobody looks at still get their uniform spot checks
    checked = [route for route in routes if route.spot_check]
    assert abs(len(checked) / (4001 - len(kept)) - 0.1) < 0.03


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(MODES), st.sampled_from(["hold", "page", "reject"]), st.floats(0, 1), st.floats(0, 0.999))
def test_full_queue_never_loosens_hard_gate_nor_what_cannot_be_undone(
    soft: str, hard: str, confidence: float, draw: float
) -> None:
    text = policy(soft, hard)
    order = ("auto_approve", "soft_review", "hard_gate", "deny")
    before, after = (tier(text, confidence, full=full, draw=draw) for full in (False, True))
    if before == "hard_gate":
        assert order.index(after) >= order.index(before)
    final = [tier(text, confidence, action="final", full=full, draw=draw) for full in (False, True)]
    assert order.index(final[1]) >= order.index(final[0])
    always = text.replace("overflow_floor: 0.8", "overflow_floor: 0.8\n    always_review: true")
    looked = [tier(always, confidence, full=full, draw=draw) for full in (False, True)]
    assert order.index(looked[1]) >= order.index(looked[0])


def test_policy_that_would_loosen_hard_gate_is_refused() -> None:
    for wrong in ("widen", "sample"):
        with pytest.raises(InvalidPolicy):
            compile_text(policy(hard=wrong))
    with pytest.raises(InvalidPolicy):
        compile_text(BASE.replace("overflow_floor: 0.8", "overflow_floor: 0.95"))
    with pytest.raises(InvalidPolicy):
        compile_text("escalation_policies: [{action_type: a, auto_approve_threshold: 0.9, weighted_check_rate: 0.1}]")


def test_overflow_is_entered_and_left_once_each_with_room_between(url: str, tmp_path: Path) -> None:
    limits = "review_settings: {max_queue_depth: 5, reviewer_session_limit_minutes: 1000000}\n"
    scene = Scene(url, tmp_path, policy("page", more=limits))
    rig = scene.rig
    waiting = [rig.submit("post", confidence=0.7, draw=0.99).case_id for _ in range(5)]
    assert rig.entries("overflow.entered") == []
    full = rig.submit("post", confidence=0.7, draw=0.99)
    assert full.tier == "hard_gate"
    assert "queue_full" in {reason.code for reason in full.reasons}
    (entry,) = rig.entries("overflow.entered")
    assert entry["overflow"] == {"open": 5, "limit": 5, "soft_review": "page", "hard_gate": "hold"}
    rig.clock.advance(120)
    shown: dict[str, Any] = overview(rig.plane, "default")["overflow"]
    assert (shown["displaced"], shown["currency"]) == (1, "EUR")
    assert shown["shadow_cost"] == pytest.approx(2.0)
    rig.answer(ANN, full.case_id)
    rig.answer(ANN, waiting[0])
    # four of five: not below 80 %
    rig.answer(ANN, waiting[1])
    assert rig.submit("post", confidence=0.7, draw=0.99).tier == "soft_review"
    assert len(rig.entries("overflow.left")) == 1
    assert overview(rig.plane, "default")["overflow"] is None
    assert rig.problems() == []
    rig.close()


def test_overflow_ends_without_anything_coming_in(tmp_path: Path) -> None:
    limits = "review_settings: {max_queue_depth: 2, reviewer_session_limit_minutes: 1000000}\n"
    scene = Scene(f"sqlite:///{tmp_path / 'a.db'}", tmp_path, policy("hold", more=limits))
    waiting = [scene.rig.submit("post", confidence=0.7, draw=0.99).case_id for _ in range(3)]
    assert len(scene.rig.entries("overflow.entered")) == 1
    for case_id in waiting:
        scene.rig.answer(ANN, case_id)
    scene.feed_all()
    assert len(scene.rig.entries("overflow.left")) == 1
    scene.rig.close()


def test_shadow_cost_adds_what_has_a_price_and_counts_the_rest() -> None:
    made = shadow_cost([
        Displaced(fate="let_through", confidence=0.9, wrong=100.0),
        Displaced(fate="refused", confidence=0.8, refused=5.0),
        Displaced(fate="held", confidence=None, minutes=3.0, delay_minute=2.0), Displaced(fate="held", confidence=0.1),
    ])  # fmt: skip
    assert made.cost == pytest.approx(10.0 + 4.0 + 6.0)
    assert (made.cases, made.unpriced) == (4, 1)
    assert shadow_cost([]).cost is None
