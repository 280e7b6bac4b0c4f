"""Proposals come in strictly, and a wrong confidence reaches a person instead of an error."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from handrail import intake
from handrail.canonical import dumps, parse
from handrail.errors import InvalidInput, MalformedJSON
from handrail.intake import proposal_checked, proposal_from, proposal_from_json
from handrail.policy.evaluate import compile_text
from handrail.proposal import Proposal

from .examples import NOW, SHORT

POLICY = compile_text(SHORT)


def test_proposal_from_full_object_keeps_every_field() -> None:
    given_fields: dict[str, Any] = {
        "action": "pay", "kind": "plan", "arguments": {"a": [1, None]}, "target": "t", "schema": {"type": "object"},
        "confidence": 0.5, "scores": {"p": 0.5}, "categories": ["x"], "amount": "5.10", "currency": "EUR",
        "environment": "e", "principal": "p", "owners": ["o"], "agent": "a", "model": "m",
        "prompt": "q", "picked": "reserve", "chance": 0.5,
        "run": "r", "call_id": "c", "key": "k",
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


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("action", None), ("action", " "), ("kind", None), ("kind", "wish"), ("tool_class", None), ("tool_class", 5),
        ("categories", "x"), ("categories", ["x"]), ("categories", 5), ("categories", None), ("owners", "ann"),
        ("owners", (5,)), ("owners", ["ann"]), ("to", "lead"), ("to", None), ("personal_data", "/a"),
        ("evidence", "x"), ("evidence", (1,)), ("evidence", [{"kind": "text"}]), ("evidence", None),
        ("severity", -1), ("severity", "x"), ("severity", 2), ("severity", None), ("severity", math.inf),
        ("within_seconds", True), ("within_seconds", 1.5), ("within_seconds", 60), ("model", 5), ("model", "m" * 201),
        ("environment", "e" * 101), ("currency", 5), ("agent_says", 5), ("principal", "p"), ("amount", 5),
        ("amount", 5.5), ("amount", True), ("amount", "5.10"), ("confidence", "0.9"), ("confidence", True),
        ("confidence", math.nan), ("confidence", 1), ("confidence", 0.9), ("confidence", None), ("confidence", 1.7),
    ],
)  # fmt: skip
def test_proposal_checked_is_what_its_json_would_be_read_as(name: str, value: Any) -> None:
    given_by_program = Proposal(**{"action": "pay", name: value})
    try:
        expected = proposal_from(given_by_program.record())
    except InvalidInput as error:
        with pytest.raises(type(error), match=re.escape(str(error))):
            proposal_checked(given_by_program)
        return
    made = proposal_checked(given_by_program)
    assert made == expected
    assert type(getattr(made, name)) is type(getattr(expected, name))
    assert (made is given_by_program) == (given_by_program == expected and type(value) is type(getattr(expected, name)))


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


# --- two readers, one meaning ---------------------------------------------------------------------

_leaves = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=6)
    | st.sampled_from([":", ":x", "a:", '":', " :", "\\", "é", "\ud800", 2**53, -(2**53), 1e21, 1e22, -0.0, 10**30])
)  # fmt: skip
_names = st.sampled_from(["action", "amount", "amount_inr", "confidence", "arguments", "a", "", ":", ":x", "b", "é"])


def _pairs(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    # pairs and not a dict: names may stand twice
    return st.lists(st.tuples(_names, inner), max_size=4).map(tuple)


_values = st.recursive(_leaves, lambda inner: st.lists(inner, max_size=3) | _pairs(inner), max_leaves=8)


def _written(value: Any, space: str) -> str:
    if isinstance(value, tuple):
        return "{" + ",".join(f"{_written(k, space)}{space}:{_written(v, space)}" for k, v in value) + "}"
    if isinstance(value, list):
        return "[" + ",".join(_written(item, space) for item in value) + "]"
    return json.dumps(value, ensure_ascii=isinstance(value, str) and "\ud800" in value)


def _meaning(read: Callable[[bytes], Proposal], text: bytes) -> Any:
    try:
        return repr(read(text))
    except (InvalidInput, MalformedJSON) as error:
        return type(error)


@given(_pairs(_values), st.sampled_from(["", "", "", " ", "\n"]))
@example((("action", "pay"), ("arguments", (("a", 1), ("a", 2)))), "")
@example((("action", "pay"), ("action", "pay")), "")
@example((("action", "pay"), ("arguments", (("a", ":"), ("a", ":")))), "")
@example((("action", "pay"), ("amount", 0.1)), "")
@example((("action", "pay"), ("arguments", (("a", -0.0),))), "")
def test_read_json_fast_means_what_the_careful_reader_says(pairs: Any, space: str) -> None:
    text = _written((("action", "pay"), *pairs), space).encode()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(intake, "_plain", lambda text: None)
        careful = _meaning(proposal_from_json, text)
    assert _meaning(proposal_from_json, text) == careful


@pytest.mark.parametrize(
    "text",
    [
        b'{"action":"pay","arguments":{"n":-0}}', b'{"action":"pay","arguments":{"n":1e400}}',
        b'{"action":"pay","arguments":{"n":123456789012345678901234567890}}', b'\xef\xbb\xbf{"action":"pay"}',
        b'{"action":"pay","arguments":{"n":18446744073709551615}}', b'{"action":"pay","arguments":{"n":"\x00"}}',
        b'{"action":"pay","amount":12345678901234567890123}', b'{"action":"pay","amount":1e2}',
        b'{"action":"pay","arguments":{"n":"\xed\xa0\x80"}}',
        b'{"action":"pay","arguments":' + b"[" * 70 + b"]" * 70 + b"}",
        b'{"action":"pay","arguments":{"n":1E5,"m":9007199254740993.0}}', b'{"action":"pay"} x', b"[]", b"null", b"",
    ],
)  # fmt: skip
def test_read_json_at_the_edges_fast_means_what_the_careful_reader_says(
    text: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    fast = _meaning(proposal_from_json, text)
    monkeypatch.setattr(intake, "_plain", lambda text: None)
    assert fast == _meaning(proposal_from_json, text)


def test_read_json_plainly_written_is_read_fast() -> None:
    text = b'{"action":"pay","arguments": {"to": "A1:b", "n": [1, 2.5, {"x": null}]}, "confidence": 0.5}'
    assert intake._plain(text) == json.loads(text)
