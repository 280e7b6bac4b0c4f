"""Comparisons that could teach nothing are not taken; answers are what a case offers to pick from."""

from __future__ import annotations

from typing import Any

import pytest

from handrail.errors import InvalidInput
from handrail.learning.comparison import comparison
from handrail.testing.factories import person
from handrail.testing.rig import Rig

POLICY = """
escalation_policies:
  - {action_type: name, autonomy: confirm, undo_seconds: 0, verdicts: [approve, edit, reject, respond]}
"""
ANN = person("Ann")
CHOICES = ["cat", "dog", 1]
PAIR = {"prompt": "Who?", "a": "I.", "b": "You."}


def annotation(rig: Rig, **arguments: Any) -> str:
    return rig.gated("name", kind="annotation", arguments={"text": "x", "choices": CHOICES, **arguments})


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"prompt": None}, "prompt is missing"), ({"prompt": " "}, "prompt is empty"), ({"a": None}, "a is missing"),
        ({"b": None}, "b is missing"), ({"a": "You."}, "a and b are the same"),
        ({"a": {"x": 1, "y": 2}, "b": {"y": 2.0, "x": 1}}, "are the same"),
        ({"options": ["m1", "m2"]}, "options are not the names"), ({"options": {"a": "m1"}}, "options are not"),
        ({"options": {"a": "m1", "b": "m1"}}, "both 'm1'"),
    ],
)  # fmt: skip
def test_submit_a_comparison_that_teaches_nothing_is_refused_by_field(
    rig: Rig, changed: dict[str, Any], words: str
) -> None:
    arguments = {name: value for name, value in (PAIR | changed).items() if value is not None}
    with pytest.raises(InvalidInput, match=words) as refused:
        rig.submit("name", kind="comparison", arguments=arguments)
    assert "arguments." in str(refused.value.remedy)
    # an empty answer is an answer: a model may have given none
    assert rig.gated("name", kind="comparison", arguments={**PAIR, "b": ""})


def test_make_a_comparison_of_nothing_is_refused() -> None:
    for prompt, answers, options, words in (
        (None, ("x", "y"), None, "prompt is missing"), ("Q?", ("x", None), None, "is missing"),
        ("Q?", ("x", "x"), None, "the same"), ("Q?", ("x", "y"), ("m", "m"), "both 'm'"),
    ):  # fmt: skip
        with pytest.raises(InvalidInput, match=words):
            comparison(prompt, answers, options=options)


def test_edit_that_makes_both_answers_the_same_is_refused(rig: Rig) -> None:
    case = rig.gated("name", kind="comparison", arguments=PAIR)
    with pytest.raises(InvalidInput, match="are the same"):
        rig.answer(ANN, case, "edit", arguments={**PAIR, "a": "You."})


@pytest.mark.parametrize(
    "value",
    [
        "fox", "Cat", True, [], ["cat", "cat"], ["cat", "fox"], {"answer": "cat"}, {"marks": "cat"},
        {"marks": [{"question": "answer", "kind": "choice", "value": ["fox"]}]}, {"marks": ["cat"]},
    ],
)  # fmt: skip
def test_answer_an_annotation_outside_its_choices_is_refused_with_the_choices(rig: Rig, value: Any) -> None:
    case = annotation(rig)
    with pytest.raises(InvalidInput, match="none of the choices") as refused:
        rig.answer(ANN, case, "respond", value=value)
    assert '["cat","dog",1]' in str(refused.value.remedy)
    # nothing was stored: the case is answered as if nobody had tried
    assert rig.answer(ANN, case, "respond", value="cat").decision is not None


@pytest.mark.parametrize(
    "value",
    [
        "cat", 1, ["cat", "dog"],
        {"marks": [{"question": "answer", "kind": "choice", "value": ["dog"]},
                   {"question": "box", "kind": "box", "value": {"x": 1}}]},
    ],
)  # fmt: skip
def test_answer_an_annotation_within_its_choices_is_the_decision(rig: Rig, value: Any) -> None:
    made = rig.answer(ANN, annotation(rig), "respond", value=value).decision
    assert made is not None
    assert made.value == value


def test_approve_a_suggestion_that_is_no_choice_is_refused(rig: Rig) -> None:
    case = annotation(rig, suggestion="fox")
    with pytest.raises(InvalidInput, match="none of the choices"):
        rig.answer(ANN, case, "approve")
    assert rig.answer(ANN, annotation(rig, suggestion="dog"), "approve").decision is not None


def test_answer_where_nothing_is_to_pick_from_is_free(rig: Rig) -> None:
    for kind, arguments in (
        ("annotation", {"text": "x"}), ("prediction", {"input": "x", "choices": CHOICES}),
        ("annotation", {"text": "x", "choices": []}),
    ):  # fmt: skip
        case = rig.gated("name", kind=kind, arguments=arguments)
        assert rig.answer(ANN, case, "respond", value="a lynx").decision is not None
