"""Soft labels: the chance that a case's proposal was right, by all that people said and by what is known.

Who reads the answers is passed in (a `Judge`), since consensus is another room's work. Golds and outcomes tell it whom
to believe; labels that active learning picked stay out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple

RIGHT, WRONG = "right", "wrong"
_TIE = 1e-9

Said = tuple[str, str, str]
"""(case, reviewer, right or wrong)."""

Judge = Callable[[Sequence[Said], Mapping[str, str]], Mapping[str, float]]
"""From what was said and what is known of cases to the chance that each case's proposal was right.

Nothing for cases, or for all of them, where there is too little to go by; then most reviewers decide.
"""


class Told(NamedTuple):
    """As much of a label as judging needs."""

    case_id: str
    source: str
    correct: bool | None
    reviewer: str | None
    verdict: str | None


def soft(told: Iterable[Told], judge: Judge) -> Mapping[str, float]:
    """The chance of each case's proposal being right, from labels in the order they were made."""
    told = list(told)
    # what was picked to learn from stays out whole, with whoever was outvoted about it
    asked = {one.case_id for one in told if one.source in ("review", "spot_check")}
    said: list[Said] = []
    known: dict[str, str] = {}
    for one in told:
        if one.source in ("gold", "outcome") and one.correct is not None:
            known[one.case_id] = RIGHT if one.correct else WRONG
        answer = _answer(one)
        if one.source == "outvoted" and one.case_id not in asked:
            continue
        if answer is not None and one.reviewer is not None:
            said.append((one.case_id, one.reviewer, answer))
    return judge(said, known)


def side(chance: float) -> bool | None:
    """Right or wrong, or None where both are equally likely."""
    return None if abs(chance - 0.5) < _TIE else chance > 0.5


def _answer(one: Told) -> str | None:
    """What this person said of the proposal; of a gold the verdict tells, since its label holds what is known."""
    if one.source in ("review", "spot_check", "outvoted"):
        return None if one.correct is None else RIGHT if one.correct else WRONG
    if one.source != "gold" or one.verdict in (None, "respond", "abstain"):
        return None
    return RIGHT if one.verdict == "approve" else WRONG
