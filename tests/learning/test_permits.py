"""Grants proposed from past decisions: narrow, back-tested, never flattering."""

from __future__ import annotations

from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from handrail.calibration.binomial import upper_bound
from handrail.errors import InvalidInput
from handrail.learning.permits import Past, propose_grant
from handrail.policy.conditions import Condition, Scope


def past(n: int, *, right: bool = True, region: str = "eu", amount: str | None = None, who: str = "x") -> list[Past]:
    return [
        Past(
            arguments={"region": region, "who": f"{who}{i}"}, right=right,
            amount=None if amount is None else Decimal(amount), currency=None if amount is None else "EUR",
        )
        for i in range(n)
    ]  # fmt: skip


def scope(one: Past) -> Scope:
    variables = {
        "arguments": one.arguments, "currency": one.currency, "confidence": one.confidence,
        "amount": None if one.amount is None else float(one.amount),
    }  # fmt: skip
    return Scope(variables, frozenset(variables))


def test_propose_grant_names_the_group_that_was_never_contradicted() -> None:
    made = propose_grant("refund", [*past(400), *past(40, right=False, region="us")], bound=upper_bound)
    assert made is not None
    assert made.when == 'arguments.region == "eu"'
    assert (made.passed, made.wrong, made.of) == (400, 0, 440)
    assert made.bound <= 0.05
    Condition(made.when)


def test_propose_grant_caps_the_amount_wherever_money_moves() -> None:
    rows = [*past(300, amount="10"), *past(300, amount="20"), *past(60, amount="900", right=False)]
    made = propose_grant("refund", rows, bound=upper_bound)
    assert made is not None
    assert 'currency == "EUR" && amount <= 20.0' in made.when
    assert (made.passed, made.wrong) == (600, 0)


def test_propose_grant_with_little_or_mixed_evidence_proposes_nothing() -> None:
    assert propose_grant("refund", [], bound=upper_bound) is None
    assert propose_grant("refund", past(30), bound=upper_bound) is None
    mixed = [one for n in range(100) for one in (*past(4, who=f"x{n}-"), *past(1, right=False, who=f"y{n}-"))]
    assert propose_grant("refund", mixed, bound=upper_bound) is None
    with pytest.raises(InvalidInput):
        propose_grant("refund", past(3), bound=upper_bound, target=1.0)


def test_propose_grant_from_noise_stays_within_its_word() -> None:
    """Ten groups, all with 8 % mistakes: a target of 5 % is met by luck in at most a twentieth of the trials."""
    random = np.random.default_rng(7)
    lucky = 0
    for _ in range(60):
        rows = [
            Past(arguments={"region": f"r{random.integers(10)}"}, right=bool(random.random() > 0.08))
            for _ in range(600)
        ]
        lucky += propose_grant("refund", rows, bound=upper_bound) is not None
    assert lucky <= 6


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(["eu", "us", 'x"y']), st.booleans(), st.integers(1, 50)), max_size=60))
def test_propose_grant_back_test_is_what_its_condition_covers(cases: list[tuple[str, bool, int]]) -> None:
    rows = [
        Past(arguments={"region": region}, right=right, amount=Decimal(amount), currency="EUR")
        for region, right, amount in cases
    ]
    made = propose_grant("refund", rows, bound=upper_bound, target=0.9, delta=0.5)
    if made is None:
        return
    condition = Condition(made.when)
    covered = [one for one in rows if condition.holds(scope(one))]
    assert (made.passed, made.wrong, made.of) == (len(covered), sum(not one.right for one in covered), len(rows))
