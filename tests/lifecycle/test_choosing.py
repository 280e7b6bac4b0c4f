"""Comparisons that could teach nothing are not taken; answers are what a case offers to pick from."""

from __future__ import annotations

from typing import Any

import pytest

from handrail.errors import InvalidInput
from handrail.learning.annotations.annotated import Annotated, Given, Mark
from handrail.learning.comparison import comparison
from handrail.lifecycle.annotating import marks_of, proposal_of
from handrail.testing.factories import person
from handrail.testing.rig import Rig

POLICY = """
escalation_policies:
  - {action_type: name, autonomy: confirm, undo_seconds: 0, verdicts: [approve, edit, reject, respond]}
"""
ANN = person("Ann")
CHOICES = ["cat", "dog", 1]
MARK = {"question": "answer", "kind": "choice", "value": ["dog"]}
BOX: dict[str, Any] = {
    "question": "where", "kind": "box", "about": "image", "score": 0.5,
    "value": {"x": 1, "y": 2.5, "width": 3, "height": 4, "labels": ["head"], "unit": "pixel", "image": [640, 480]},
}  # fmt: skip
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
        {"marks": [{"question": "answer", "kind": "choice", "value": ["fox"]}]}, {"marks": ["cat"]}, {"marks": []},
        {"marks": [{"question": "answer", "kind": "choice", "value": []}]}, {"marks": [{"value": "cat"}]},
        {"marks": [{"kind": "choice", "value": ["cat"]}]}, {"marks": [{"question": "answer", "value": ["cat"]}]},
        {"marks": [{"question": "answer", "kind": "guess", "value": ["cat"]}]},
        {"marks": [{"question": "answer", "kind": "choice", "value": "cat"}]},
        {"marks": [{"question": "answer", "kind": "text", "value": ["fox"]}]},
        {"marks": [{"question": "answer", "kind": "choice", "value": ["cat"], "by": "me"}]}, {"marks": [MARK, BOX | {
            "value": {"x": 1}}]},
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
        {"marks": [MARK, BOX]}, {"marks": [MARK, {"question": "why", "kind": "text", "value": ["ears"], "id": "m1"}]},
        {"marks": [BOX | {"value": BOX["value"] | {"labels": ["dog"]}}]},
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


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"suggestion": "fox"}, "none of the choices"), ({"suggestion": {"marks": []}}, "none of the choices"),
        ({"choices": ["fox"], "suggestion": "fox"}, "may not change 'choices'"), ({"choices": None}, "may not change"),
        ({"options": ["fox"]}, "may not change 'options'"), ({"answer_schema": {}}, "may not change 'answer_schema'"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("kind", ["annotation", "question"])
def test_edit_beyond_what_may_be_answered_is_refused(rig: Rig, kind: str, changed: dict[str, Any], words: str) -> None:
    arguments = {"text": "x", "choices": CHOICES, "suggestion": "cat"}
    case = rig.gated("name", kind=kind, arguments=arguments)
    made = {name: value for name, value in (arguments | changed).items() if value is not None}
    with pytest.raises(InvalidInput, match=words):
        rig.answer(ANN, case, "edit", arguments=made)
    # another of the choices, and other words around it, are the reviewer's to write
    done = rig.answer(ANN, case, "edit", arguments=arguments | {"text": "y", "suggestion": "dog"}).decision
    assert done is not None


def test_edit_of_a_comparison_or_a_prediction_keeps_its_liberties(rig: Rig) -> None:
    case = rig.gated("name", kind="comparison", arguments=PAIR | {"options": {"a": "m1", "b": "m2"}})
    # its reviewer is not told who answered
    assert rig.answer(ANN, case, "edit", arguments={**PAIR, "a": "He."}).decision is not None
    case = rig.gated("name", kind="prediction", arguments={"input": "x", "choices": CHOICES})
    assert rig.answer(ANN, case, "edit", arguments={"input": "x", "suggestion": "lynx"}).decision is not None


@pytest.mark.parametrize(
    "value", [{"marks": [{"value": "cat"}]}, {"marks": [{"question": "q", "kind": "text", "value": "cat"}]}]
)
def test_answer_by_marks_of_no_form_is_refused_where_nothing_is_to_pick_from(rig: Rig, value: Any) -> None:
    case = rig.gated("name", kind="annotation", arguments={"text": "x"})
    with pytest.raises(InvalidInput, match="not in the form of marks: mark 1"):
        rig.answer(ANN, case, "respond", value=value)
    # no choices, so nothing to mark is an answer
    assert rig.answer(ANN, case, "respond", value={"marks": []}).decision is not None
    own = rig.gated("name", kind="annotation", arguments={"text": "x", "answer_schema": {"required": ["marks"]}})
    assert rig.answer(ANN, own, "respond", value=value).decision is not None
    # and an export keeps it, as text
    assert [mark.kind for mark in marks_of(value)] == ["text"]


def test_import_offers_choices_only_where_its_answers_pick_from_them() -> None:
    pick, tell = Mark(question="topic", kind="choice", value=["cat"]), Mark(question="why", kind="text", value=["ears"])
    for marks, offered in (((pick,), True), ((pick, tell), True), ((tell,), False), ((), False)):
        case = Annotated(case="1", input={"text": "x"}, given=(Given(id=None, reviewer="ann", marks=marks),))
        assert ("choices" in proposal_of(case, "name", ["cat", "dog"]).arguments) is offered
    silent = Annotated(case="1", input={"text": "x"}, given=(Given(id=None, reviewer="ann", abstained=True),))
    assert "choices" in proposal_of(silent, "name", ["cat", "dog"]).arguments
