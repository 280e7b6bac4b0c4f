"""What a routed stream costs under a team of given size: reviews, waits, deadlines missed, errors let through.

For knobs that have no closed form: deadlines, how many people a case needs, how many cases a reviewer takes at once.
Expected costs, so the same stream always has the same bill.
"""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from dataclasses import dataclass

from handrail.clock import SECOND
from handrail.errors import InvalidInput

MINUTE = 60 * SECOND


@dataclass(frozen=True, slots=True, kw_only=True)
class Routed:
    """One proposal as the policy routed it. Times in microseconds."""

    at: int
    action: str
    tier: str
    # distinct people it needs
    reviewers: int
    # from submission; None: it may wait for ever
    deadline: int | None
    # chance that it is wrong: 0 or 1 where that is known
    wrong: float
    # share of it that is checked although it went through
    checked: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Team:
    """Who looks, and how. Minutes."""

    seats: int = 3
    handling: float = 3.0
    # to begin with a batch of cases of one action, whatever its size
    setup: float = 1.0
    # cases taken at once
    batch: int = 1
    # chance that one reviewer approves what is wrong, and rejects what is right
    misses: float = 0.1
    refuses: float = 0.1

    def __post_init__(self) -> None:
        if self.seats < 1 or self.batch < 1 or not (self.handling > 0.0 and self.setup >= 0.0):
            raise InvalidInput("a team has one seat and more, takes one case and more, and handling takes time")
        if not (0.0 <= self.misses <= 1.0 and 0.0 <= self.refuses <= 1.0):
            raise InvalidInput("a reviewer's errors are chances between 0 and 1")


@dataclass(frozen=True, slots=True, kw_only=True)
class Tariff:
    """Money, in any one currency: of a review, an error let through, a right one refused, a minute of waiting."""

    review: float = 0.0
    wrong: float = 0.0
    refused: float = 0.0
    delay_minute: float = 0.0


@dataclass(slots=True, kw_only=True)
class Bill:
    """Sums over the stream."""

    reviews: float = 0.0
    # wrong, and let through by the policy or approved by mistake
    errors: float = 0.0
    # right, and refused by the policy, by mistake, or because nobody answered in time
    refused: float = 0.0
    # answered too late
    late: int = 0
    # minutes that programs waited
    waited: float = 0.0

    def cost(self, tariff: Tariff) -> float:
        return (
            self.reviews * tariff.review + self.errors * tariff.wrong + self.refused * tariff.refused
            + self.waited * tariff.delay_minute
        )  # fmt: skip


def bill(stream: Sequence[Routed], team: Team) -> Bill:
    """Let the team answer the stream, shortest deadline first, and add up. Cases arrive in the order of their `at`."""
    made = Bill()
    gated = [one for one in stream if one.tier == "hard_gate"]
    for one in stream:
        if one.tier == "deny":
            made.refused += 1.0 - one.wrong
        elif one.tier in ("auto_approve", "soft_review"):
            made.errors += one.wrong
            made.reviews += one.reviewers + one.checked
    for one, answered in zip(gated, _answered(gated, team), strict=True):
        limit = one.deadline
        late = limit is not None and answered - one.at > limit
        made.waited += (limit if late and limit is not None else answered - one.at) / MINUTE
        made.late += late
        made.reviews += one.reviewers
        people = max(1, one.reviewers)
        made.errors += 0.0 if late else one.wrong * team.misses**people
        made.refused += (1.0 - one.wrong) * (1.0 if late else 1.0 - (1.0 - team.refuses) ** people)
    return made


def _answered(cases: Sequence[Routed], team: Team) -> list[int]:
    """When each case has its last answer: every seat takes up to a batch of one action's cases at a time."""
    free = [0] * team.seats
    answered = [0] * len(cases)
    # by action: (deadline, which case), once for each person it needs
    ready: dict[str, list[tuple[int, int]]] = {}
    coming = 0
    while coming < len(cases) or ready:
        now = heapq.heappop(free)
        if not ready:
            now = max(now, cases[coming].at)
        while coming < len(cases) and cases[coming].at <= now:
            one = cases[coming]
            due = one.at + (one.deadline if one.deadline is not None else 1 << 60)
            for _ in range(max(1, one.reviewers)):
                heapq.heappush(ready.setdefault(one.action, []), (due, coming))
            coming += 1
        first = min(ready, key=lambda action: ready[action][0])
        taken = [heapq.heappop(ready[first])[1] for _ in range(min(team.batch, len(ready[first])))]
        if not ready[first]:
            del ready[first]
        done = now + int((team.setup + team.handling * len(taken)) * MINUTE)
        for index in taken:
            answered[index] = max(answered[index], done)
        heapq.heappush(free, done)
    return answered
