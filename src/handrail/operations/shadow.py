"""A budget of reviewer minutes, spent where a minute saves most: an online shadow price.

A case is asked about when what asking saves exceeds λ · minutes and budget is left; after each case
λ ← λ · exp(0.002 · (minutes used / (ρ · mean minutes) − 1)), ρ the budgeted share. λ is what one more reviewer minute
would save. Where it is known how many cases are still to come, λ counts (ρ/ρ')² fold, ρ' the share that what is left
still pays for: spent too fast, a minute gets dearer before the budget is gone, and dear cases that come late still find
somebody.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from handrail.errors import InvalidInput, NotEnoughEvidence

STEP = 0.002
_SMALLEST, _LARGEST = 1e-12, 1e12
# how far what is left may move the price
_SWING = 4.0
LEAST = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class ShadowPrice:
    """The price of a reviewer minute as it stands, and what is left to spend. Advance it with `after`."""

    # money per minute
    price: float
    # minutes of review per mean minute of load: the budgeted share, 0 to 1
    share: float
    mean_minutes: float
    # minutes left of the budget; infinite: the share alone holds
    left: float = math.inf
    # cases still to come while the budget lasts, by forecast; None: not known
    cases_left: float | None = None

    def __post_init__(self) -> None:
        if not (0.0 < self.price < math.inf and 0.0 < self.share <= 1.0 and 0.0 < self.mean_minutes < math.inf):
            raise InvalidInput("a price and minutes are positive and finite, and a share lies in (0, 1]")
        if not self.left >= 0.0 or (self.cases_left is not None and not self.cases_left >= 0.0):
            raise InvalidInput("the minutes and cases left are not negative")

    @property
    def standing(self) -> float:
        """Money per minute as it counts now."""
        if self.cases_left is None or self.left == math.inf:
            return self.price
        affordable = self.left / (max(self.cases_left, 1.0) * self.mean_minutes)
        return self.price * min(max((self.share / max(affordable, 1e-9)) ** 2, 1.0 / _SWING), _SWING)

    def pays(self, gain: float, minutes: float) -> bool:
        """Whether to ask: `gain` is what asking saves, in money, `minutes` what it takes. The last one may run over."""
        if not (0.0 <= gain < math.inf and 0.0 < minutes < math.inf):
            raise InvalidInput("a gain is finite and not negative, and minutes are positive")
        return self.left > 0.0 and gain > self.standing * minutes

    def after(self, used: float) -> ShadowPrice:
        """The price after one case that used so many minutes; 0 where nobody was asked."""
        pull = STEP * (used / (self.share * self.mean_minutes) - 1.0)
        moved = min(max(self.price * math.exp(min(pull, 0.5)), _SMALLEST), _LARGEST)
        coming = None if self.cases_left is None else max(0.0, self.cases_left - 1.0)
        return replace(self, price=moved, left=max(0.0, self.left - used), cases_left=coming)


def starting_price(gains: Sequence[float], minutes: Sequence[float], share: float) -> float:
    """The price at which past cases would have used just the share: exact, by one sorted pass.

    Raises `NotEnoughEvidence` below 30 cases.
    """
    if len(gains) != len(minutes) or not all(0.0 <= gain < math.inf for gain in gains):
        raise InvalidInput("as many finite gains as minutes are needed")
    if not all(0.0 < minute < math.inf for minute in minutes) or not 0.0 < share <= 1.0:
        raise InvalidInput("minutes are positive and finite, and a share lies in (0, 1]")
    if len(gains) < LEAST:
        raise NotEnoughEvidence(f"not enough evidence yet ({len(gains)} of {LEAST} cases)", have=len(gains), need=LEAST)
    rates = sorted(((gain / minute, minute) for gain, minute in zip(gains, minutes, strict=True)), reverse=True)
    budget = share * math.fsum(minutes)
    used = 0.0
    for rate, minute in rates:
        used += minute
        if used > budget:
            return max(rate, _SMALLEST)
    return max(rates[-1][0], _SMALLEST)


def held_tier(*, confidence: float, certified: float | None, asked: bool) -> str:
    """The tier under a promise: below the certified cut a case waits for a person, whatever the budget says.

    With the budget spent, what stands below the cut overflows into waiting; it is never let through.
    """
    if certified is None or not confidence >= certified:
        return "hard_gate"
    return "hard_gate" if asked else "auto_approve"
