"""A policy that asks for people who do not exist is found before a case waits for them."""

from __future__ import annotations

import pytest

from handrail.policy.evaluate import compile_text
from handrail.policy.staffing import Reviewer, unfillable

PAIR = "escalation_policies: [{action_type: pay, reviewers: 2, auto_approve_threshold: 0.9}]"
STAGED = "escalation_policies: [{action_type: pay, stages: [{any_of: [reviewer]}, {any_of: [finance]}]}]"
SECOND = "escalation_policies: [{action_type: pay, require_two_reviewers_above_inr: 5}]"
RULE = """
escalation_policies: [{action_type: pay, auto_approve_threshold: 0.9}]
rules: [{id: abroad, actions: [pay], route: {tier: hard_gate, roles: [finance]}}]
"""
SKILL = "escalation_policies: [{action_type: tamil, skills: [tamil]}]"
CLIMBS = "escalation_policies: [{action_type: pay, on_expiry: escalate}]"


def who(*roles: str, skills: tuple[str, ...] = ()) -> Reviewer:
    return Reviewer(frozenset(roles), frozenset(skills))


@pytest.mark.parametrize(
    ("text", "people", "said"),
    [
        (PAIR, [who("reviewer")], "pay needs 2 people"),
        (PAIR, [who("reviewer"), who("reviewer")], "pay can go up to a lead"),
        (PAIR, [who("reviewer"), who("lead")], None),
        (STAGED, [who("reviewer"), who("reviewer")], "1 person of finance and 1 person of reviewer"),
        (STAGED, [who("reviewer", "finance")], "pay needs"),
        # whoever sits first, both find a seat
        (STAGED, [who("reviewer", "finance"), who("reviewer"), who("lead")], None),
        (STAGED, [who("admin"), who("admin")], None),
        (SECOND, [who("lead")], "above its second limit needs 2 people"),
        (RULE, [who("reviewer")], "under rule abroad needs 1 person of finance"),
        (SKILL, [who("reviewer")], "with the skills tamil"),
        (SKILL, [who("reviewer", skills=("tamil",))], None),
        (CLIMBS, [who("reviewer")], "can go up to a lead"),
        (CLIMBS, [who("reviewer"), who("admin")], None),
    ],
)
def test_look_for_people_says_what_can_never_be_settled(text: str, people: list[Reviewer], said: str | None) -> None:
    found = [note for note in unfillable(compile_text(text), people) if not note.startswith("an action the policy")]
    assert len(found) == (said is not None), found
    assert said is None or said in found[0]
