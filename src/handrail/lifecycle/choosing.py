"""Answers to pick from: what a case offers, an answer must be."""

from __future__ import annotations

from typing import Any

from handrail.canonical import JSON, dumps
from handrail.errors import InvalidInput
from handrail.learning.annotations.annotated import is_marked, malformed
from handrail.learning.comparison import is_rating
from handrail.lifecycle import card

# a prediction's choices are the classes its model knows; a person may know another
_CLOSED = ("annotation", "comparison", "question")
# arguments that say what may be answered
_ASKED = ("choices", "options", "answer_schema")
_MARKS = (
    'Each mark has question, kind and value, such as {"marks": [{"question": "answer", "kind": "choice", '
    '"value": ["cat"]}]}.'
)


def refuse_other(record: dict[str, Any], value: JSON) -> None:
    """Raise `InvalidInput` naming the choices, for an answer that is none of those the case offers.

    A comparison may be answered by rating both sides, an annotation by several of its choices where more than one
    applies, or by marks that pick from them. Marks are in the form that other tools' files are written from
    (`learning.annotations`), whether or not there are choices; only a case's own `answer_schema` may want others.
    """
    kind = record.get("kind", "action")
    choices = card.choices(record)
    if kind not in _CLOSED or (choices and is_answer(kind, choices, value)):
        return
    wrong = _misshapen(value) if kind == "annotation" else None
    if not choices:
        if wrong is not None and card.answer_schema(record) is None:
            raise InvalidInput(f"the answer is not in the form of marks: {wrong}", remedy=_MARKS)
        return
    shown = dumps(value).decode()
    more = ', or {"a": 4, "b": 2}' if kind == "comparison" else ""
    raise InvalidInput(
        f"the answer {shown[:100]} is none of the choices" + (f": {wrong}" if wrong else ""),
        remedy=f"One of {dumps(choices).decode()[:1000]}{more}.",
    )


def refuse_approval(record: dict[str, Any]) -> None:
    """Raise `InvalidInput` for the approval of a suggestion that is none of the case's own choices."""
    arguments = record.get("arguments")
    if record.get("kind") not in ("annotation", "question") or not isinstance(arguments, dict):
        return
    if arguments.get("suggestion") is not None:
        refuse_other(record, arguments["suggestion"])


def refuse_edit(record: dict[str, Any], arguments: dict[str, Any]) -> None:
    """Raise `InvalidInput` for an edit that changes what may be answered, or suggests what may not be."""
    if record.get("kind") not in _CLOSED:
        return
    before = record.get("arguments", {})
    # who made a comparison's answers is kept from whoever edits them
    asked = [name for name in _ASKED if name != "options" or record["kind"] != "comparison"]
    for name in asked:
        if dumps([before.get(name), name in before]) != dumps([arguments.get(name), name in arguments]):
            raise InvalidInput(
                f"an edit may not change {name!r}: that is what may be answered", remedy="Keep it as it is."
            )
    refuse_approval(record | {"arguments": arguments})


def is_answer(kind: str, choices: list[JSON], value: JSON) -> bool:
    """Whether a case of this kind that offers these choices may be answered so."""
    if _is_one(choices, value):
        return True
    if kind == "comparison":
        return is_rating(value)
    return kind == "annotation" and _are_some(choices, value)


def _is_one(choices: list[JSON], value: JSON) -> bool:
    """Whether it is one of them as JSON knows it: true is not 1."""
    wanted = dumps(value)
    return any(dumps(choice) == wanted for choice in choices)


def _are_some(choices: list[JSON], value: JSON) -> bool:
    if isinstance(value, list):
        return _pick(choices, value)
    if not is_marked(value) or _misshapen(value) is not None:
        return False
    marks = value["marks"]
    # marks about other questions may stand beside, never alone
    return all(_pick(choices, mark["value"]) for mark in marks if mark["kind"] == "choice") and any(
        mark["kind"] == "choice" or (mark["kind"] in ("span", "box") and _pick(choices, mark["value"]["labels"]))
        for mark in marks
    )


def _pick(choices: list[JSON], values: list[JSON]) -> bool:
    """Whether these are one or several of the choices, each once."""
    once = len({dumps(one) for one in values}) == len(values)
    return bool(values) and once and all(_is_one(choices, value) for value in values)


def _misshapen(value: JSON) -> str | None:
    """What is wrong with an answer by marks, in words; None for good ones and for any other answer."""
    if not is_marked(value):
        return None
    if not isinstance(value["marks"], list):
        return "marks are a list"
    found = ((n, malformed(mark)) for n, mark in enumerate(value["marks"], 1))
    return next((f"mark {n} {why}" for n, why in found if why is not None), None)
