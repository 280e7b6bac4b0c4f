"""A policy's text is changed in place: the fields asked for, and not a comment more."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handrail.errors import InvalidPolicy
from handrail.policy.amending import MARK, amended
from handrail.policy.evaluate import compile_text

BLOCK = """# ours
name: shop   # the shop's
escalation_policies:
  # money back
  - action_type: refund      # to a card
    auto_approve_threshold: 0.95   # guessed
    cost:
      review: 2   # an hour is 30
      wrong: 40
    sla_seconds: 60

  - action_type: label
    autonomy: full
# people
review_settings:
  min_reviewers_per_task: 1
"""
FLOW = "escalation_policies: [{action_type: refund, cost: {review: 2}}, {action_type: label}]  # one line\n"


def test_a_field_that_stands_there_changes_where_it_stands() -> None:
    made = amended(BLOCK, "refund", {"auto_approve_threshold": 0.9321})
    assert made == BLOCK.replace("0.95   # guessed", "0.9321   # guessed")


def test_a_new_field_comes_below_the_name_and_comments_stay() -> None:
    made = amended(BLOCK, "label", {"target_error": 0.02}, evidence=["n = 500", "k = 3"])
    assert made == BLOCK.replace(
        "  - action_type: label\n",
        f"  {MARK}n = 500\n  {MARK}k = 3\n  - action_type: label\n    target_error: 0.02\n",
    )


def test_evidence_of_an_earlier_change_is_replaced() -> None:
    once = amended(BLOCK, "refund", {"target_error": 0.02}, evidence=["old", "older"])
    twice = amended(once, "refund", {"target_error": 0.01}, evidence=["new"])
    assert [line.strip() for line in twice.splitlines() if MARK in line] == [f"{MARK}new"]
    assert "# money back" in twice


def test_fields_below_a_field_change_one_by_one() -> None:
    made = amended(BLOCK, "refund", {"cost": {"wrong": 55.5, "currency": "EUR"}})
    assert "review: 2   # an hour is 30\n" in made
    entry = compile_text(made).action("refund")
    assert entry is not None
    assert entry.cost is not None
    assert (entry.cost.review, entry.cost.wrong, entry.cost.currency) == (2, 55.5, "EUR")


def test_a_policy_on_one_line_stays_on_one_line() -> None:
    made = amended(FLOW, "refund", {"target_error": 0.02, "cost": {"wrong": 9.0}}, evidence=["n = 1"])
    assert made.splitlines()[1] == (
        "escalation_policies: [{action_type: refund, cost: {review: 2, wrong: 9.0}, target_error: 0.02}, "
        "{action_type: label}]  # one line"
    )


@pytest.mark.parametrize(
    "text",
    [
        "name: a\n", "escalation_policies: []\n", "escalation_policies: [{action_type: other}]\n", BLOCK,
        BLOCK.rstrip(),
        "escalation_policies:\n- action_type: other\n  description: |\n    long\n    text\n# end\n",
    ],
)  # fmt: skip
def test_an_action_that_is_not_declared_is_added(text: str) -> None:
    made = amended(text, "novel", {"auto_approve_threshold": 0.5, "calibrator": "on"})
    entry = compile_text(made).action("novel")
    assert entry is not None
    assert (entry.auto_approve_threshold, entry.calibrator) == (0.5, "on")
    assert all(line in made.splitlines() for line in text.splitlines() if line.lstrip().startswith("#"))


@given(st.floats(1e-12, 1 - 1e-12))
def test_every_digit_of_a_threshold_survives(value: float) -> None:
    entry = compile_text(amended(BLOCK, "refund", {"auto_approve_threshold": value})).action("refund")
    assert entry is not None
    assert entry.auto_approve_threshold == value


@pytest.mark.parametrize(
    ("fields", "said"), [({"soft_review_threshold": 0.99}, "could never be reached"), ({"cost": 3.0}, "no plain value")]
)
def test_a_change_that_makes_no_policy_is_refused(fields: dict[str, float], said: str) -> None:
    with pytest.raises(InvalidPolicy, match=said):
        amended(BLOCK, "refund", fields)
