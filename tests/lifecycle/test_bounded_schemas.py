"""No schema that somebody brings takes long: what would is refused, and what is ordinary is not."""

from __future__ import annotations

import time
from typing import Any

import pytest

from handrail.errors import InvalidInput
from handrail.json_schema import misfit


def doubling(keyword: str, times: int) -> dict[str, Any]:
    """Each definition names the next one twice."""
    names = [{"$ref": f"#/$defs/d{n}"} for n in range(times + 1)]
    links = {f"d{n}": {keyword: [names[n + 1]] * 2} for n in range(times)}
    return {"$ref": "#/$defs/d0", "$defs": {**links, f"d{times}": {"type": "string"}}}


def nested(depth: int) -> Any:
    value: Any = {}
    for _ in range(depth):
        value = {"x": value}
    return value


EACH = [{"properties": {"x": {"$ref": "#"}}, "required": [name]} for name in ("a", "b")]
WIDE = {f"a{n}": 1 for n in range(1000)}


@pytest.mark.parametrize(
    ("schema", "value"),
    [
        (doubling("anyOf", 18), 5),
        (doubling("allOf", 200), 5),
        ({"anyOf": EACH}, nested(40)),
        ({"pattern": r"^(?:a?){500}a{500}$"}, "a" * 200_000),
        ({"patternProperties": {f"^[ab]*{n}$": {} for n in range(200)}}, {f"kkkk{n}": 1 for n in range(5000)}),
        ({"allOf": [{"contains": {"const": n}} for n in range(2000)]}, list(range(3000))),
        ({"allOf": [{"properties": {name: {}}} for name in WIDE], "unevaluatedProperties": False}, WIDE),
    ],
)
def test_misfit_that_would_take_long_is_refused_at_once(schema: Any, value: Any) -> None:
    begun = time.process_time()
    with pytest.raises(InvalidInput, match="too long"):
        misfit(schema, value)
    assert time.process_time() - begun < 1


def test_misfit_of_ordinary_schemas_names_the_place() -> None:
    tree = {"properties": {"kids": {"items": {"$ref": "#"}}, "id": {"pattern": r"^\d{4}-[a-z]{1,63}$"}}}
    assert misfit(tree, {"kids": [{"id": "2026-a", "kids": [{"id": "2026-b"}]}] * 200}) is None
    found = misfit(tree, {"kids": [{"kids": [{"id": "26"}]}]})
    assert found is not None
    assert (found.where, found.keyword) == ("/kids/0/kids/0/id", "pattern")
    old = {"$schema": "http://json-schema.org/draft-07/schema#", "items": [{"type": "string"}]}
    assert misfit(old, [1]) is not None
    assert misfit({"items": {"format": "email"}}, ["nobody"]) is None
    assert misfit(True, 1) is None
    assert misfit(False, 1) is not None


# as Pydantic writes a Decimal
DECIMAL = r"^(?!^[-+.]*$)[+-]?0*\d*\.?\d*$"


@pytest.mark.parametrize(("text", "fits"), [("12.50", True), ("-3", True), ("+.", False), ("ten", False)])
def test_pattern_that_looks_ahead_is_taken(text: str, fits: bool) -> None:
    assert (misfit({"properties": {"amount": {"pattern": DECIMAL}}}, {"amount": text}) is None) is fits


@pytest.mark.parametrize("pattern", [r"^(?=a)(a|a)*\1?$", r"^(?!b)(a|a)*\1?$", r"^(a*)*\1b"])
def test_pattern_that_would_go_back_for_ever_stops(pattern: str) -> None:
    begun = time.process_time()
    found = misfit({"additionalProperties": {"pattern": pattern}}, {str(n): "a" * 40 + "!" for n in range(200)})
    assert found is not None
    assert found.keyword == "pattern"
    assert time.process_time() - begun < 1


def test_alternatives_that_do_not_fit_are_told_one_by_one() -> None:
    found = misfit({"properties": {"fee": {"anyOf": [{"type": "number"}, {"maxLength": 2}]}}}, {"fee": "xyz"})
    assert found is not None
    assert found.why == (
        'it has none of the forms allowed: "xyz" is not of type "number"; and "xyz" is longer than 2 characters'
    )
