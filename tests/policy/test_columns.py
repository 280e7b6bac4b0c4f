"""Columns: every row gets what `route` gives it, and fast."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from handrail.errors import InvalidInput
from handrail.policy.columns import route_many, row_as_proposal
from handrail.policy.evaluate import Policy, compile_text
from handrail.route import TIERS

from .examples import NOW, SHORT

RICH = compile_text(
    SHORT
    + """
rules:
  - {id: r, actions: [ruled], when: confidence > 0.5, route: {tier: hard_gate, roles: [finance], reviewers: 2}}
schedules:
  - {id: s, actions: [timed], hours: "09:00-10:00", outside: soft_review}
"""
)
MORE = """escalation_policies:
  - {action_type: full, autonomy: full}
  - {action_type: notify, autonomy: notify, soft_review_threshold: 0.2}
  - {action_type: leads, autonomy: human_leads, auto_approve_threshold: 0.1}
  - {action_type: two, auto_approve_threshold: 0.3, require_two_reviewers_above_eur: 50.25, high_stakes: true}
  - {action_type: caps, soft_review_threshold: 0.3, max_auto_approve_amount_eur: 0.1, max_auto_approve_amount_usd: 7,
     require_two_reviewers_above_usd: 9}
  - {action_type: fine, auto_approve_threshold: 0.3, max_auto_approve_amount_eur: "0.10000000000000000001"}
  - {action_type: staged, soft_review_threshold: 0.3, stages: [{all_of: [a, b, c]}]}
  - {action_type: timed, autonomy: full}
  - {action_type: ruled, autonomy: full}
  - {action_type: always, autonomy: full, always_review: true}
  - {action_type: tools, auto_approve_threshold: 0.1, irreversible_actions_always_gate: [listed, drop_table]}
  - {action_type: listed, autonomy: full}
  - {action_type: categories, autonomy: full, categories_always_review: [x]}
default_currency: eur
rules:
  - {id: r, actions: [ruled], when: confidence > 0.5, route: {tier: hard_gate, roles: [finance], reviewers: 3}}
schedules:
  - {id: s, actions: [timed], hours: "09:00-10:00", outside: soft_review}
review_settings: {min_reviewers_per_task: 2, high_stakes_min_reviewers: 4}
"""
POLICIES = {"short": compile_text(SHORT), "rich": RICH, "more": compile_text(MORE)}
ACTIONS = [
    "payment_transfer", "content_publish", "agent_tool_call", "full", "notify", "leads", "two", "caps", "fine",
    "staged",
    "timed", "ruled", "always", "tools", "listed", "categories", "unknown", "",
]  # fmt: skip

floats = st.one_of(
    st.floats(),
    st.sampled_from(
        [
            0.0,
            -0.0,
            0.1,
            0.3,
            0.8,
            0.95,
            1.0,
            7.0,
            9.0,
            50.25,
            10000.0,
            500000.0,
            500001.0,
            1e30,
            1.1e30,
            1e-30,
            1e-31,
            5e-324,
        ]
    ),
    st.floats(0, 1),
)
strings = st.sampled_from(
    ["5", "0.1", "0.10000000000000000001", "7.00000000000000001", "x", "-1", "1e3", "10000.01", "NaN", ""]
)
rows = st.fixed_dictionaries(
    {
        "action": st.sampled_from(ACTIONS),
        "confidence": floats,
        "amount": floats,
        "currency": st.sampled_from(["INR", "inr", "EUR", "USD", "XYZ", "", None]),
        "tool": st.sampled_from(["search", "send_email", "x.drop_table", "\uff44rop_\u200btable", "\u2060", "", None]),
        "categories": st.sampled_from([None, (), ("x",), ("self_harm", "y")]),
    }
)


def expected(policy: Policy, table: dict[str, Any]) -> tuple[list[int], list[int]]:
    tiers, reviewers = [], []
    for number in range(len(table["action"])):
        proposal = row_as_proposal({name: column[number] for name, column in table.items()})
        route = policy.route(proposal, now=NOW, draw=0.5)
        tiers.append(TIERS.index(route.tier))
        reviewers.append(route.reviewers)
    return tiers, reviewers


@settings(max_examples=300, deadline=None)
@given(
    st.sampled_from(sorted(POLICIES)),
    st.lists(rows, min_size=1, max_size=12),
    st.sets(st.sampled_from(["confidence", "amount", "currency", "tool", "categories"])),
    st.sampled_from(["float64", "object", "text", "int64", "float32"]),
    st.booleans(),
    st.lists(strings, min_size=12, max_size=12),
)
def test_route_many_equals_route_row_by_row(
    name: str, given_rows: list[dict[str, Any]], left_out: set[str], amounts: str, bare: bool, texts: list[str]
) -> None:
    table: dict[str, Any] = {
        column: [row[column] for row in given_rows] for column in given_rows[0] if column not in left_out
    }
    if "confidence" in table:
        table["confidence"] = _column(table["confidence"], "object" if bare else "float64", texts)
    if "amount" in table:
        table["amount"] = _column(table["amount"], amounts, texts)
    made = route_many(POLICIES[name], table, now=NOW)
    assert (made.tiers.tolist(), made.reviewers.tolist()) == expected(POLICIES[name], table)
    assert made.tiers.dtype == made.reviewers.dtype == np.uint8


def _column(values: list[float], kind: str, texts: list[str]) -> Any:
    if kind == "text":
        return texts[: len(values)]
    if kind == "int64":
        return np.array([int(value) if abs(value) < 1e18 else 2**53 + 1 for value in values])
    if kind == "object":
        return [None if number % 3 == 0 else value for number, value in enumerate(values)]
    with np.errstate(over="ignore"):
        return np.array(values).astype(kind)


def test_route_many_of_what_is_no_number_or_no_currency_asks_a_person() -> None:
    table = {
        "action": ["full", "full", "full", "content_publish"],
        "confidence": [float("nan"), None, 0.5, 0.99],
        "amount": [None, None, 5.0, 5.0],
        "currency": [None, "", "", ""],
    }
    made = route_many(POLICIES["more"], table, now=NOW)
    assert made.tiers.tolist() == [2, 0, 2, 2]
    assert made.tiers.tolist() == expected(POLICIES["more"], table)[0]


def test_route_many_across_chunks_keeps_rows_apart() -> None:
    size = 100_003
    random = np.random.default_rng(3)
    table = {
        "action": np.array(ACTIONS)[random.integers(0, len(ACTIONS), size)],
        "confidence": random.random(size),
        "amount": random.integers(1, 1_000_000, size),
        "currency": np.array(["INR", "USD"])[random.integers(0, 2, size)],
    }
    made = route_many(POLICIES["short"], table, now=NOW)
    picked = random.integers(0, size, 500)
    some = {name: column[picked] for name, column in table.items()}
    assert (made.tiers[picked].tolist(), made.reviewers[picked].tolist()) == expected(POLICIES["short"], some)


@pytest.mark.parametrize(
    "table",
    [
        {"confidence": [1.0]},
        {"action": ["a"], "colour": ["red"]},
        {"action": ["a"], "confidence": [1.0, 2.0]},
        {"action": ["a"], "confidence": ["x"]},
    ],
)
def test_route_many_of_a_wrong_table_is_refused(table: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput):
        route_many(POLICIES["short"], table, now=NOW)


def test_route_many_of_no_rows_is_empty() -> None:
    made = route_many(POLICIES["short"], {"action": []}, now=NOW)
    assert len(made.tiers) == len(made.reviewers) == 0


def test_route_many_at_the_very_limits_draws_the_line_where_route_does() -> None:
    table = {
        "action": ["payment_transfer"] * 8,
        "confidence": [0.95, np.nextafter(0.95, 0), 0.8, np.nextafter(0.8, 0), 0.99, 0.99, 0.99, 0.99],
        "amount": np.array([1, 1, 1, 1, 10_000, 10_000.01, 500_000, 500_000.5]),
        "currency": ["INR"] * 8,
    }
    made = route_many(POLICIES["short"], table, now=NOW)
    assert made.tiers.tolist() == [0, 1, 1, 2, 0, 2, 2, 2]
    assert made.reviewers.tolist() == [0, 1, 1, 1, 0, 1, 1, 2]
