"""Proposals come in strictly, and a wrong confidence reaches a person instead of an error."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handrail.canonical import dumps, parse
from handrail.errors import InvalidInput, MalformedJSON
from handrail.intake import proposal_from, proposal_from_json
from handrail.policy.evaluate import compile_text

from .examples import NOW, SHORT

POLICY = compile_text(SHORT)


def test_proposal_from_full_object_keeps_every_field() -> None:
    given_fields: dict[str, Any] = {
        "action": "pay", "kind": "plan", "arguments": {"a": [1, None]}, "target": "t", "schema": {"type": "object"},
        "confidence": 0.5, "scores": {"p": 0.5}, "categories": ["x"], "amount": "5.10", "currency": "EUR",
        "environment": "e", "principal": "p", "owners": ["o"], "agent": "a", "run": "r", "call_id": "c", "key": "k",
        "base": 1, "evidence": [{"kind": "text"}], "agent_says": "hi", "reach": {"count": 1}, "severity": 2,
        "harm_classes": ["h"], "personal_data": ["/a"], "undo": "u", "undoes": "d", "tool_class": "queryable",
        "executor": "worker", "to": ["finance"], "within_seconds": 60, "gold": "g",
    }  # fmt: skip
    made = asdict(proposal_from(given_fields))
    assert {name: list(value) if isinstance(value, tuple) else value for name, value in made.items()} == given_fields


def test_proposal_from_aliases_and_short_forms_reads_them() -> None:
    made = proposal_from({"action_type": "pay", "categories": "x", "amount_inr": 5})
    assert (made.action, made.categories, made.amount, made.currency) == ("pay", ("x",), "5", "INR")


@pytest.mark.parametrize(
    ("confidence", "shown"),
    [(math.nan, "nan"), (math.inf, "inf"), ("0.9", "0.9"), (True, "True"), ([1], "[1]"), ({}, "{}"), (10**400, "1000")],
)
@pytest.mark.parametrize("scores", [None, {"p": 0.2}, [0.1, 0.9]])
def test_proposal_from_garbage_confidence_is_taken_and_gated_with_a_reason(
    confidence: Any, shown: str, scores: Any
) -> None:
    made = proposal_from({"action": "content_publish", "confidence": confidence, "scores": scores})
    assert made.confidence is None
    dumps(asdict(made))  # can be stored
    route = POLICY.route(made, now=NOW, draw=0.5)
    assert (route.tier, route.reasons[0].code) == ("hard_gate", "confidence_malformed")
    assert shown in route.reasons[0].text


@pytest.mark.parametrize("confidence", [1.7, -0.1, 2, 1e14])
def test_proposal_from_confidence_out_of_range_is_kept_and_gated(confidence: float) -> None:
    made = proposal_from({"action": "content_publish", "confidence": confidence})
    assert made.confidence == confidence
    assert repr(float(confidence)) in POLICY.route(made, now=NOW, draw=0.5).reasons[0].text


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"colour": 1}, "no field 'colour'"),
        ({"confidance": 1}, "confidance"),
        ({"action": None}, "action is text"),
        ({"action": " "}, "empty"),
        ({"action": "x" * 201}, "longer"),
        ({"action_type": "other"}, "given twice"),
        ({"amount": "5", "amount_inr": 6}, "given twice"),
        ({"kind": "wish"}, "kind cannot be"),
        ({"kind": None}, "kind cannot be"),
        ({"tool_class": "safe"}, "tool_class cannot be"),
        ({"categories": [1]}, "categories[0] is text"),
        ({"categories": {"a": 1}}, "categories is a list"),
        ({"owners": "ann"}, "owners is a list"),
        ({"amount": True}, "amount is a number"),
        ({"amount": [5]}, "amount is a number"),
        ({"amount": "9" * 101}, "longer"),
        ({"principal": 5}, "principal is text"),
        ({"principal": "\ud800"}, "surrogate"),
        ({"severity": -1}, "severity"),
        ({"severity": math.inf}, "severity"),
        ({"evidence": ["x"]}, "evidence is a list of objects"),
        ({"arguments": {"x": math.nan}}, "NaN"),
        ({"arguments": {"x": 2**60}}, "integers"),
        ({"arguments": {1: 2}}, "key must be a string"),
    ],
)
def test_proposal_from_wrong_field_is_refused(changed: dict[str, Any], said: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        proposal_from({"action": "pay"} | changed)
    assert said in str(caught.value)
    assert caught.value.remedy


def test_proposal_from_misspelt_field_suggests_the_right_one() -> None:
    with pytest.raises(InvalidInput) as caught:
        proposal_from({"action": "pay", "confidance": 1})
    assert caught.value.remedy == "Did you mean confidence?"


@pytest.mark.parametrize(
    ("written", "kept"),
    [("0.10", "0.10"), ("12345678901234567.89", "12345678901234567.89"), ("5", "5"), ('"5.0"', "5.0")],
)
def test_proposal_from_json_keeps_every_digit_of_the_amount(written: str, kept: str) -> None:
    assert proposal_from_json(f'{{"action":"pay","amount":{written}}}').amount == kept


@pytest.mark.parametrize(
    "text",
    ['{"action":"a","action":"a"}', '{"action":"a","arguments":{"x":{"y":1,"y":2}}}', "{", b"\xff", "[" * 100_000],
)
def test_proposal_from_json_of_malformed_text_is_refused(text: str | bytes) -> None:
    with pytest.raises(MalformedJSON):
        proposal_from_json(text)


json_values = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text()),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=5), inner, max_size=3)),
    max_leaves=8,
)
names = st.sampled_from(
    ["action", "confidence", "amount", "currency", "arguments", "categories", "scores", "kind", "x"]
)


@given(st.dictionaries(names, json_values, max_size=6))
def test_proposal_from_any_object_is_taken_or_refused_and_never_let_through_wrongly(
    given_fields: dict[str, Any],
) -> None:
    try:
        made = proposal_from(given_fields | {"action": "payment_transfer"})
    except InvalidInput:
        return
    dumps(asdict(made))
    route = POLICY.route(made, now=NOW, draw=0.5)
    if route.tier != "hard_gate":
        assert made.confidence is not None
        assert made.confidence >= 0.8


@given(st.dictionaries(names, json_values, max_size=6))
def test_proposal_from_json_agrees_with_proposal_from(given_fields: dict[str, Any]) -> None:
    whole = given_fields | {"action": "a"}
    try:
        expected: Any = proposal_from(whole)
    except InvalidInput:
        with pytest.raises(InvalidInput):
            proposal_from_json(json.dumps(whole))
        return
    assert proposal_from_json(json.dumps(whole)) == expected


@pytest.mark.parametrize("text", ['{"action":"pay', '{"action":"\x01"}', '{"action":1 2}', '{"action"'])
@pytest.mark.parametrize("read", [parse, proposal_from_json])
def test_read_text_that_is_no_json_says_once_where(read: Callable[[str], object], text: str) -> None:
    with pytest.raises(MalformedJSON, match=r"(?<!at) at line 1, column \d+"):
        read(text)
