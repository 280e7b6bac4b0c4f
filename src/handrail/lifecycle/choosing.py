"""Answers to pick from: what a case offers, an answer must be."""

from __future__ import annotations

from typing import Any

from handrail.canonical import JSON, dumps
from handrail.errors import InvalidInput
from handrail.learning.comparison import is_rating
from handrail.lifecycle import card

# a prediction's choices are the classes its model knows; a person may know another
_CLOSED = ("annotation", "comparison", "question")


def refuse_other(record: dict[str, Any], value: JSON) -> None:
    """Raise `InvalidInput` naming the choices, for an answer that is none of those the case offers.

    A comparison may be answered by rating both sides, an annotation by several of its choices where more than one
    applies, or by marks whose choices are among them.
    """
    kind = record.get("kind", "action")
    choices = card.choices(record)
    if kind not in _CLOSED or not choices or _is_one(choices, value):
        return
    if kind == "comparison":
        if is_rating(value):
            return
        more = ', or {"a": 4, "b": 2}'
    else:
        more = ""
        if kind == "annotation" and _are_some(choices, value):
            return
    shown = dumps(value).decode()
    raise InvalidInput(
        f"the answer {shown[:100]} is none of the choices",
        remedy=f"One of {dumps(choices).decode()[:1000]}{more}.",
    )


def refuse_approval(record: dict[str, Any]) -> None:
    """Raise `InvalidInput` for the approval of an annotation whose suggestion is none of its own choices."""
    arguments = record.get("arguments")
    if record.get("kind") == "annotation" and isinstance(arguments, dict) and arguments.get("suggestion") is not None:
        refuse_other(record, arguments["suggestion"])


def _is_one(choices: list[JSON], value: JSON) -> bool:
    """Whether it is one of them as JSON knows it: true is not 1."""
    wanted = dumps(value)
    return any(dumps(choice) == wanted for choice in choices)


def _are_some(choices: list[JSON], value: JSON) -> bool:
    if isinstance(value, list):
        return bool(value) and len({dumps(one) for one in value}) == len(value) and _all(choices, value)
    if not isinstance(value, dict) or set(value) != {"marks"} or not isinstance(value["marks"], list):
        return False
    return all(
        isinstance(mark, dict)
        and (mark.get("kind") != "choice" or (isinstance(mark.get("value"), list) and _all(choices, mark["value"])))
        for mark in value["marks"]
    )


def _all(choices: list[JSON], values: list[JSON]) -> bool:
    return all(_is_one(choices, value) for value in values)
