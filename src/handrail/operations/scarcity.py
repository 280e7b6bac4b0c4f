"""People are few: how many times its price a review counts, so that a day's reviews meet what people can do.

The online shadow price of `operations.shadow`, taken many cases at a time. Of the day's capacity, what goes to cases
that nobody weighs (rules, thresholds, spot checks) is spent beforehand; the rest, over the cases that are weighed in a
day, is the budgeted share ρ. After n weighed cases of which people were asked about a,

    log factor ← log factor + min(g · (a / (ρ·n) − 1), 0.5),    g = min(0.002·n, 0.05),

never below 1: at 1 a review costs what the policy says. The cap on g keeps a stream of any size from swinging. What is
obeyed moves only once it is a tenth off, or back at 1, so that it does not follow every wave.

Each agent has its own factor, for its fair share of the capacity (`room`): what one floods raises no other's.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, replace

from handrail.errors import InvalidInput
from handrail.operations.shadow import STEP

# the cap on g, and the most that one look raises, in log units
_GAIN, _MOST = 0.05, 0.5
# what is obeyed is this far off before it moves
ROOM = 1.1
HOURS = 24


@dataclass(frozen=True, slots=True, kw_only=True)
class Hour:
    """What came in during one hour since the epoch."""

    hour: int
    # proposals whose review is weighed against its price
    weighed: int
    # reviews asked about those
    asked: int
    # reviews asked about anything else
    other: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Scarcity:
    """How dear reviews are; advance it with `after`."""

    # what routes obey, from 1 up
    factor: float = 1.0
    # where it would stand without room
    wanted: float = 1.0
    # the last 24, oldest first
    hours: tuple[Hour, ...] = ()

    def after(self, seen: Hour, *, reviews_per_day: float, most: float) -> Scarcity:
        """The standing after a look that saw this; `most` is the largest factor allowed."""
        if not 0.0 < reviews_per_day < math.inf or not 1.0 <= most < math.inf:
            raise InvalidInput("a capacity is above 0, and a factor at least 1")
        if min(seen.weighed, seen.asked, seen.other) < 0:
            raise InvalidInput("counts are not negative")
        hours = _with(self.hours, seen)
        weighed = sum(one.weighed for one in hours)
        if not weighed:
            # nothing to steer by: a review costs what the policy says
            return Scarcity(hours=hours)
        wanted = self.wanted
        if seen.weighed:
            left = max(0.0, reviews_per_day - sum(one.other for one in hours))
            budget = left * seen.weighed / weighed
            over = seen.asked / budget if budget > 0.0 else math.inf if seen.asked else 0.0
            wanted *= math.exp(min(min(STEP * seen.weighed, _GAIN) * (over - 1.0), _MOST))
        wanted = min(max(wanted, 1.0), most)
        return replace(self, wanted=wanted, hours=hours, factor=_obeyed(min(self.factor, most), wanted))

    @property
    def asked(self) -> int:
        """Reviews asked in the hours that are known, about anything."""
        return sum(one.asked + one.other for one in self.hours)

    @property
    def seen(self) -> bool:
        """Whether anything came in during the hours that are known."""
        return any(one.weighed or one.asked or one.other for one in self.hours)


def room(capacity: float, others: Iterable[float]) -> float:
    """What is left of a capacity for one who takes all he gets, beside others who ask for so much: max-min fair shares.

    Whoever asks for less than an equal share has what he asks for; the rest is shared among those who ask for more.
    """
    left, demands = capacity, sorted(others)
    for i, demand in enumerate(demands):
        share = left / (len(demands) - i + 1)
        if demand >= share:
            return share
        left -= demand
    return left


def _with(hours: tuple[Hour, ...], seen: Hour) -> tuple[Hour, ...]:
    kept = [one for one in hours if seen.hour - HOURS < one.hour < seen.hour]
    same = [one for one in hours if one.hour == seen.hour]
    merged = Hour(
        hour=seen.hour,
        weighed=seen.weighed + sum(one.weighed for one in same),
        asked=seen.asked + sum(one.asked for one in same),
        other=seen.other + sum(one.other for one in same),
    )
    return (*kept, merged)


def _obeyed(factor: float, wanted: float) -> float:
    if wanted <= 1.0:
        return 1.0
    return round(wanted, 4) if not factor / ROOM < wanted < factor * ROOM else factor
