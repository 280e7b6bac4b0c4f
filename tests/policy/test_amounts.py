"""Money goes up whenever it cannot be compared exactly with the cap."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handrail.policy.amounts import money_of, read_amount
from handrail.policy.evaluate import compile_text
from handrail.proposal import Proposal

from .examples import SHORT, codes, route

POLICY = compile_text(SHORT)


def pay(**fields: Any) -> Any:
    return route(POLICY, **{"action": "payment_transfer", "confidence": 0.99} | fields)


@pytest.mark.parametrize(
    "arguments",
    [
        {"amount": 5000, "currency": "INR"},
        {"amount": 5000.0, "currency": "inr"},
        {"amount": "5000.00", "currency": "INR"},
        {"amount": {"value": "5000", "currency": "INR"}},
        {"amount": {"value": 5000}, "currency": "INR"},
        {"amount_inr": 5000},
        {"amount_INR": "5e3"},
    ],
)
def test_route_amount_inside_arguments_is_read(arguments: dict[str, Any]) -> None:
    assert pay(arguments=arguments).tier == "auto_approve"
    assert pay(arguments=arguments, amount="5000", currency="INR").tier == "auto_approve"


def test_route_amount_takes_the_currency_of_the_arguments_and_no_other() -> None:
    assert pay(arguments={"currency": "INR"}, amount="5000").tier == "auto_approve"
    assert pay(arguments={"amount_usd": 5000}, amount="5000").tier == "hard_gate"


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({}, "amount_missing"),
        ({"amount": None, "currency": "INR"}, "amount_missing"),
        ({"amount": "5000"}, "currency_differs"),
        ({"amount": "5", "currency": "USD"}, "currency_differs"),
        ({"amount": "5", "currency": "XYZ"}, "amount_malformed"),
        ({"amount": "5", "currency": ""}, "amount_malformed"),
        ({"amount": "-5", "currency": "INR"}, "amount_malformed"),
        ({"amount": "NaN", "currency": "INR"}, "amount_malformed"),
        ({"amount": "Infinity", "currency": "INR"}, "amount_malformed"),
        ({"amount": "1,000", "currency": "INR"}, "amount_malformed"),
        ({"amount": "1_000", "currency": "INR"}, "amount_malformed"),
        ({"amount": "٥", "currency": "INR"}, "amount_malformed"),
        ({"amount": " 5", "currency": "INR"}, "amount_malformed"),
        ({"amount": "", "currency": "INR"}, "amount_malformed"),
        ({"amount": "1e31", "currency": "INR"}, "amount_malformed"),
        ({"arguments": {"amount": 10**5000, "currency": "INR"}}, "amount_malformed"),
        ({"arguments": {"amount": 1e-300, "currency": "INR"}}, "amount_malformed"),
        ({"arguments": {"amount": True, "currency": "INR"}}, "amount_malformed"),
        ({"arguments": {"amount": [5], "currency": "INR"}}, "amount_malformed"),
        ({"arguments": {"amount": {}, "currency": "INR"}}, "amount_malformed"),
        ({"arguments": {"amount": {"value": 5, "currency": "USD"}, "currency": "INR"}}, "amount_malformed"),
        ({"amount": "5", "currency": "INR", "arguments": {"amount": 500000}}, "amount_malformed"),
        ({"amount": "5", "currency": "INR", "arguments": {"amount": 5, "currency": "USD"}}, "amount_malformed"),
        ({"arguments": {"amount_inr": 5, "amount_usd": 5}}, "amount_malformed"),
        ({"arguments": {"amount": 5, "currency": "INR", "amount_inr": 9999}}, "amount_malformed"),
    ],
)
def test_route_amount_that_cannot_be_compared_is_gated_with_two_people(fields: dict[str, Any], code: str) -> None:
    found = pay(**fields)
    assert (found.tier, found.reviewers) == ("hard_gate", 2)
    assert code in codes(found)


def test_route_amount_one_unit_of_the_last_digit_above_the_cap_is_gated() -> None:
    assert pay(amount="10000.000000000000000000001", currency="INR").tier == "hard_gate"
    assert pay(amount="9999.999999999999999999999", currency="INR").tier == "auto_approve"


def test_route_amount_where_no_cap_stands_is_not_asked_for() -> None:
    assert route(POLICY, action="content_publish", confidence=0.99).tier == "auto_approve"
    assert (
        route(POLICY, action="content_publish", confidence=0.99, arguments={"amount": "a lot"}).tier == "auto_approve"
    )
    assert route(POLICY, action="content_publish", confidence=0.99, amount="a lot").tier == "hard_gate"


def test_route_caps_in_several_currencies_each_hold_for_their_own() -> None:
    text = SHORT.replace("inr: 10000 ", "inr: 10000\n    max_auto_approve_amount_usd: 100.50 ")
    assert (
        route(text, action="payment_transfer", confidence=0.99, amount="100.50", currency="USD").tier == "auto_approve"
    )
    over = route(text, action="payment_transfer", confidence=0.99, amount="100.51", currency="USD")
    assert (over.tier, over.reviewers) == ("hard_gate", 2)  # the two-reviewer amount is not known in USD
    assert route(text, action="payment_transfer", confidence=0.99, amount="5000", currency="INR").tier == "auto_approve"


def test_route_two_reviewer_amount_without_a_cap_gates_above_it() -> None:
    text = "escalation_policies: [{action_type: a, auto_approve_threshold: 0.9, require_two_reviewers_above_eur: 50}]"
    assert route(text, action="a", confidence=0.95, amount="50", currency="EUR").tier == "auto_approve"
    over = route(text, action="a", confidence=0.95, amount="50.01", currency="EUR")
    assert (over.tier, over.reviewers) == ("hard_gate", 2)


def test_route_default_currency_stands_in_for_a_missing_one() -> None:
    text = "default_currency: inr\n" + SHORT
    assert route(text, action="payment_transfer", confidence=0.99, amount="5000").tier == "auto_approve"
    assert route(text, action="payment_transfer", confidence=0.99, amount="5000", currency="USD").tier == "hard_gate"


@given(st.decimals(min_value=0, max_value=10**12, allow_nan=False, places=6), st.sampled_from(["str", "e", "float"]))
def test_read_amount_of_any_spelling_is_exact(value: Decimal, spelling: str) -> None:
    given_value: Any = {"str": str(value), "e": f"{value:E}", "float": float(value)}[spelling]
    expected = Decimal(repr(float(value))) if spelling == "float" else value
    assert read_amount(given_value) == expected


@given(
    st.one_of(
        st.none(),
        st.booleans(),
        st.text(),
        st.floats(),
        st.integers(),
        st.lists(st.integers()),
        st.dictionaries(st.text(), st.text()),
    )
)
def test_money_of_any_argument_never_raises_and_is_never_negative(value: Any) -> None:
    money = money_of(Proposal(action="a", arguments={"amount": value}))
    assert money.value is None or money.value >= 0
    assert money.value is None or money.value.is_finite()
