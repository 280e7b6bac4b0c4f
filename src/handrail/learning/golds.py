"""Golds: cases whose answer is known, and whether what somebody said of one was right.

A proposal's `gold` is

    | form                      | means                                                                     |
    |---------------------------|---------------------------------------------------------------------------|
    | {"verdict": "reject"}     | what a reviewer should do: approve, or not approve                        |
    | {"value": ...}            | the right answer; for an action, what its arguments should have been      |
    | "approve", "reject"       | the same as {"verdict": ...}, unless the kind is one that answers         |
    | anything else             | the right answer                                                          |

Not approving what is wrong is right, whether by reject, redirect or an edit to the right answer. An edit to something
else is wrong. Abstaining is no answer.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from handrail.canonical import JSON, dumps, parse

ANSWERING = ("prediction", "annotation", "comparison")
APPROVE, REJECT = "approve", "reject"
_STOPS = ("reject", "redirect")


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What is known of a gold: whether the model was right, and the right answer where it is told."""

    # None: the model answered nothing
    model_right: bool | None
    # canonical text of the right answer; None where only the verdict is known
    answer: str | None
    # what a reviewer should say, as `said` puts it
    says: str


def unsound(gold: JSON) -> bool:
    """Whether it names a verdict that is neither approve nor reject, and so would read as the opposite of itself."""
    return isinstance(gold, dict) and set(gold) == {"verdict"} and gold["verdict"] not in (APPROVE, REJECT)


def known(gold: JSON, proposed: JSON, kind: str) -> Known:
    """Read a proposal's `gold`. `proposed`: what the model answered, or the arguments of an action."""
    form: dict[str, Any] = gold if isinstance(gold, dict) else {}
    verdict = form.get("verdict") if set(form) == {"verdict"} else None
    if verdict is None and kind not in ANSWERING and gold in (APPROVE, REJECT):
        verdict = gold
    if isinstance(verdict, str):
        right = verdict == APPROVE
        says = (text_of(proposed) if kind in ANSWERING and proposed is not None else APPROVE) if right else REJECT
        return Known(model_right=right, answer=None, says=says)
    answer = text_of(form["value"] if set(form) == {"value"} else gold)
    right_or_none = None if proposed is None else answer == text_of(proposed)
    if kind in ANSWERING or proposed is None:
        return Known(model_right=right_or_none, answer=answer, says=answer)
    return Known(model_right=right_or_none, answer=answer, says=APPROVE if right_or_none else REJECT)


def said(verdict: str, body: JSON, suggestion: JSON, kind: str) -> str | None:
    """One text per answer, equal where two people say the same; None for an abstention.

    `body`: what the review holds (`value`, `arguments`). `suggestion`: the model's answer, for kinds that answer.
    """
    held: dict[str, Any] = body if isinstance(body, dict) else {}
    if verdict == "abstain":
        return None
    if verdict in _STOPS:
        return REJECT
    if verdict == "respond":
        return text_of(held.get("value"))
    if kind not in ANSWERING:
        return verdict
    if verdict == "edit":
        arguments = held.get("arguments")
        return text_of(arguments.get("suggestion") if isinstance(arguments, dict) else None)
    return text_of(suggestion) if suggestion is not None else APPROVE


def was_right(truth: Known, verdict: str, body: JSON, suggestion: JSON, kind: str) -> bool | None:
    """Whether one answer to a gold was right; None for an abstention."""
    text = said(verdict, body, suggestion, kind)
    if text is None:
        return None
    if verdict in _STOPS:
        return truth.model_right is False
    if verdict == "edit" and kind not in ANSWERING:
        arguments = body.get("arguments") if isinstance(body, dict) else None
        return truth.model_right is False and truth.answer in (None, text_of(arguments))
    return text == truth.says


def text_of(value: JSON) -> str:
    """Canonical text of an answer."""
    return dumps(value).decode()


def value_of(text: str | None) -> JSON:
    """The value of a canonical or stored JSON text; None for nothing."""
    return None if text is None else parse(text.encode())
