"""Rubber-stamping: alarms on how answers are given, until golds can say how good they are.

    | code          | when                                                              | then                       |
    |---------------|-------------------------------------------------------------------|----------------------------|
    | approves_all  | over 97 % of the last 200 approved, and no gold accuracy is known | a notice                   |
    | approves_fast | over 98 % of the last 50 approved, at a median of under 3 s       | a second reviewer is added |
    | rule_idle     | a rule asked over 100 times, and nobody ever changed the outcome  | a notice: retire the rule? |

Fast and right is possible: these ask somebody to look, and never bar anybody.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Literal

ALL_SHARE, ALL_OF = 0.97, 200
FAST_SHARE, FAST_OF, FAST_SECONDS = 0.98, 50, 3.0
IDLE_ASKED = 100

Code = Literal["approves_all", "approves_fast", "rule_idle"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Alarm:
    """One alarm: about whom (a reviewer or a rule), of how many answers, in words."""

    code: Code
    subject: str
    n: int
    share: float
    text: str

    @property
    def second_reviewer(self) -> bool:
        """Whether the answers of this person want a second pair of eyes."""
        return self.code == "approves_fast"


def stamping(reviewer: str, given: Sequence[tuple[str, float | None]], *, golds_known: bool) -> tuple[Alarm, ...]:
    """Alarms over one reviewer's answers, newest last: (verdict, dwell in seconds or None).

    `golds_known`: enough golds were answered that the accuracy speaks for itself.
    """
    found = []
    last = [verdict for verdict, _ in given[-ALL_OF:]]
    approved = sum(verdict == "approve" for verdict in last)
    if len(last) == ALL_OF and approved > ALL_SHARE * ALL_OF and not golds_known:
        found.append(Alarm(
            code="approves_all", subject=reviewer, n=ALL_OF, share=approved / ALL_OF,
            text=f"approved {approved} of the last {ALL_OF}, and too few golds say whether rightly",
        ))  # fmt: skip
    last_few = given[-FAST_OF:]
    approved = sum(verdict == "approve" for verdict, _ in last_few)
    dwell = [seconds for _, seconds in last_few if seconds is not None]
    # nobody is called fast by times that were hardly ever counted
    known = len(dwell) >= FAST_OF / 2
    if len(last_few) == FAST_OF and approved > FAST_SHARE * FAST_OF and known and median(dwell) < FAST_SECONDS:
        found.append(Alarm(
            code="approves_fast", subject=reviewer, n=FAST_OF, share=approved / FAST_OF,
            text=f"approved {approved} of the last {FAST_OF} at a median of {median(dwell):.1f} s",
        ))  # fmt: skip
    return tuple(found)


def idle_rules(asked: Mapping[str, tuple[int, int]]) -> tuple[Alarm, ...]:
    """Rules that only cost: `asked` maps rule to (times it asked people, times they changed the outcome)."""
    return tuple(
        Alarm(
            code="rule_idle", subject=rule, n=n, share=0.0,
            text=f"asked {n} times, and nobody changed the outcome: propose to retire it",
        )
        for rule, (n, changed) in sorted(asked.items())
        if n > IDLE_ASKED and changed == 0
    )  # fmt: skip
