"""How good the AI supervisor is: what it catches and what it alarms about for nothing, measured as a reviewer is.

Only cases whose truth does not rest on its own words count: outcomes, golds, and people who answered blind.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Literal

from handrail.canonical import JSON

# cases of a kind before its share is shown
LEAST = 30

Interval = Callable[[float, int], tuple[float, float]]
"""From hits and cases to the interval of their share."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Read:
    """One reading of a case whose truth is known."""

    verdict: Literal["fine", "concern", "unread"]
    # whether the proposal was right
    right: bool
    # chance that somebody looked at the case
    inclusion: float = 1.0
    # a known-answer case, or what turned out; else a person who answered blind
    known: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """A share with its interval; `value` is None below `need` cases."""

    value: float | None
    low: float | None
    high: float | None
    have: int
    need: int = LEAST

    def to_json(self) -> dict[str, JSON]:
        made: dict[str, JSON] = {"have": self.have, "need": self.need}
        if self.value is None:
            return made | {"not_enough_evidence": f"not enough evidence yet ({self.have} of {self.need})"}
        return made | {"value": self.value, "low": self.low, "high": self.high}


@dataclass(frozen=True, slots=True, kw_only=True)
class Supervision:
    """The supervisor's confusion matrix and what follows from it."""

    # truth (right, wrong) by verdict (fine, concern): cases, not weighted
    counts: tuple[tuple[int, int], tuple[int, int]]
    # readings that did not come about, whatever the truth
    unread: int
    # wrong proposals it had a concern about, and right ones; of those it read
    catches: Share
    false_alarms: Share

    def to_json(self) -> dict[str, JSON]:
        (rf, rc), (wf, wc) = self.counts
        return {
            "right": {"fine": rf, "concern": rc}, "wrong": {"fine": wf, "concern": wc}, "unread": self.unread,
            "catches": self.catches.to_json(), "false_alarms": self.false_alarms.to_json(),
        }  # fmt: skip


def supervision(readings: Iterable[Read], interval: Interval) -> Supervision:
    """Figures of the readings; each case weighs 1 / P(somebody looked at it)."""
    held = list(readings)
    read = [each for each in held if each.verdict != "unread"]
    rows = tuple(
        tuple(sum(each.right == right and each.verdict == verdict for each in read) for verdict in ("fine", "concern"))
        for right in (True, False)
    )
    return Supervision(
        counts=rows,  # type: ignore[arg-type]
        unread=len(held) - len(read),
        catches=_share([each for each in read if not each.right], interval),
        false_alarms=_share([each for each in read if each.right], interval),
    )


def _share(read: list[Read], interval: Interval) -> Share:
    if len(read) < LEAST:
        return Share(value=None, low=None, high=None, have=len(read))
    weights = [1.0 / each.inclusion for each in read]
    total = sum(weights)
    value = sum(w for w, each in zip(weights, read, strict=True) if each.verdict == "concern") / total
    # unequal weights are worth fewer cases (Kish 1965)
    worth = max(1, int(total * total / sum(w * w for w in weights)))
    low, high = interval(value * worth, worth)
    return Share(value=value, low=low, high=high, have=len(read))
