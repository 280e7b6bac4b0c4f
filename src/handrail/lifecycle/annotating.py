"""Annotation cases as they stand, in the form that other tools' forms are written from; and the way back."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Any

from handrail.canonical import JSON, dumps, parse
from handrail.errors import InvalidInput
from handrail.intake import proposal_from
from handrail.learning.annotations.annotated import (
    Annotated,
    Given,
    Mark,
    Suggested,
    is_marked,
    malformed,
    mark_from,
)
from handrail.learning.annotations.labelling import ANSWER
from handrail.lifecycle.choosing import is_answer
from handrail.lifecycle.erase import is_erased
from handrail.lifecycle.rows import ReviewRow, review_noun
from handrail.proposal import Proposal
from handrail.review import Review
from handrail.store import learning as tables
from handrail.store import statements
from handrail.store.engine import Store

# the key of a case that came from a file
KEY = "import/"
OWN = ("choices", "suggestion")


def annotated(store: Store, workspace: str, action: str) -> Iterator[Annotated]:
    """Every annotation case of an action with what people and models said. Erased ones are left out."""
    for row in tables.annotated(store, workspace, action):
        record = parse(bytes(row.bytes))
        try:
            proposal = proposal_from(record)
        except InvalidInput:
            continue
        if is_erased(record):
            continue
        reviews = [
            (review_noun(one), one.dwell)
            for one in map(ReviewRow._make, store.read_hot(statements.review_list, case_id=row.case_id))
        ]
        key = proposal.key or ""
        case = key.removeprefix(KEY) if key.startswith(KEY) else row.case_id
        yield case_of(case, proposal, reviews)


def case_of(case: str, proposal: Proposal, reviews: Sequence[tuple[Review, float | None]]) -> Annotated:
    """One case. A reviewer is named by his pseudonym, or as the file he came from named him."""
    arguments = dict(proposal.arguments)
    suggestion = arguments.get("suggestion")
    suggested: tuple[Suggested, ...] = ()
    if suggestion is not None:
        suggested = (Suggested(model=proposal.model, marks=marks_of(suggestion), score=proposal.confidence),)
    given = [
        _given(review, dwell, suggestion)
        for review, dwell in reviews
        if review.withdrawn_at is None and review.verdict in ("respond", "approve", "abstain", "reject")
    ]
    if proposal.gold is not None:
        given.append(Given(id=None, reviewer=None, marks=marks_of(proposal.gold), gold=True))
    shown = {name: value for name, value in arguments.items() if name not in OWN}
    return Annotated(case=case, input=shown, given=tuple(given), suggested=suggested)


def proposal_of(case: Annotated, action: str, choices: Sequence[str]) -> Proposal:
    """The annotation case to put before people. A known answer (`gold`) makes it a gold.

    It offers the choices unless it was answered, or a model answered, without picking from them: its form asks more.
    """
    arguments: dict[str, JSON] = dict(case.input)
    said = [one.marks for one in case.given if not one.abstained] + [one.marks for one in case.suggested if one.marks]
    if choices and all(is_answer("annotation", list(choices), value_of(marks)) for marks in said):
        arguments["choices"] = list(choices)
    first = case.suggested[0] if case.suggested else None
    if first is not None and first.marks:
        arguments["suggestion"] = value_of(first.marks)
    golds = [one for one in case.given if one.gold]
    return Proposal(
        action=action, kind="annotation", arguments=arguments, key=f"{KEY}{case.case}"[:200],
        model=None if first is None else first.model, confidence=None if first is None else first.score,
        gold=value_of(golds[0].marks) if golds else None,
    )  # fmt: skip


def marks_of(value: JSON) -> tuple[Mark, ...]:
    """An answer as marks: a word or words are a choice, anything else is kept as text unless it holds marks."""
    if is_marked(value) and isinstance(value["marks"], list) and not any(map(malformed, value["marks"])):
        return tuple(map(mark_from, value["marks"]))
    if isinstance(value, str):
        return (Mark(question=ANSWER, kind="choice", value=[value]),)
    if isinstance(value, list) and all(isinstance(one, str) for one in value):
        return (Mark(question=ANSWER, kind="choice", value=value),)
    return (Mark(question=ANSWER, kind="text", value=[dumps(value).decode()]),)


def value_of(marks: Sequence[Mark]) -> JSON:
    """Marks as an answer; `marks_of` gives the same marks back."""
    if len(marks) == 1:
        plain = Mark(question=ANSWER, kind="choice", value=marks[0].value)
        if marks[0] == plain and isinstance(plain.value, list) and plain.value:
            return plain.value[0] if len(plain.value) == 1 else plain.value
    return {"marks": [asdict(mark) for mark in marks]}


def _given(review: Review, dwell: float | None, suggestion: JSON) -> Given:
    source: dict[str, Any] = review.provenance if isinstance(review.provenance, dict) else {}
    marks: tuple[Mark, ...] = ()
    if review.verdict == "respond":
        marks = marks_of(review.value)
    elif review.verdict == "approve" and suggestion is not None:
        marks = marks_of(suggestion)
    return Given(
        id=source.get("annotation", review.id), reviewer=source.get("by", review.reviewer), marks=marks,
        abstained=review.verdict in ("abstain", "reject"), seconds=dwell,
    )  # fmt: skip
