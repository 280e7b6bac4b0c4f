"""What reviewing costs and saves. Money in any one currency; every figure is a plan, not an account."""

from __future__ import annotations

import math
from dataclasses import dataclass

from handrail.errors import InvalidInput

DAYS, HOURS, ON_TOP, BUSY = 220.0, 6.5, 1.4, 0.85
# golds 5 % + spot checks 5 % + second reviews 10 % + arbitration 5 %
QUALITY = 0.25


def minute_price(salary: float, *, on_top: float = ON_TOP, busy: float = BUSY) -> float:
    """One minute of reviewing at a yearly salary: with costs on top, 220 days of 6.5 hours, 85 % of them on cases."""
    if salary < 0.0 or on_top < 0.0 or not 0.0 < busy <= 1.0:
        raise InvalidInput("a salary is not negative and the busy share lies between 0 and 1")
    return salary * on_top / (DAYS * HOURS * 60.0) / busy


def review_price(salary: float, handling_seconds: float, *, quality: float = 0.0) -> float:
    """One review. `quality` adds golds, spot checks, second reviews and arbitration (0.25 is usual)."""
    return minute_price(salary) * handling_seconds / 60.0 * (1.0 + quality)


@dataclass(frozen=True, slots=True, kw_only=True)
class Stakes:
    """What is at stake in one class of action, per case."""

    # chance that a proposal is wrong
    p_wrong: float
    # what a wrong one costs when it goes through
    loss: float
    # chance that a reviewer catches a wrong one, from golds where the model is wrong; 1 would be wishful
    catch: float
    review: float
    # what a second of waiting costs, and how long the wait is
    delay_per_second: float = 0.0
    wait_seconds: float = 0.0
    # chance that a right one is rejected, and what that costs
    p_false_reject: float = 0.0
    false_reject: float = 0.0

    def __post_init__(self) -> None:
        shares = (self.p_wrong, self.catch, self.p_false_reject)
        money = (self.loss, self.review, self.delay_per_second, self.wait_seconds, self.false_reject)
        if not all(0.0 <= share <= 1.0 for share in shares) or not all(0.0 <= sum_ < math.inf for sum_ in money):
            raise InvalidInput("chances lie between 0 and 1, and costs are not negative")

    @property
    def gain(self) -> float:
        """What asking avoids, on average."""
        return self.p_wrong * self.catch * self.loss

    @property
    def price(self) -> float:
        """What asking costs, on average."""
        return self.review + self.delay_per_second * self.wait_seconds + self.p_false_reject * self.false_reject


def gate_pays(stakes: Stakes) -> bool:
    """Whether asking a person about this class is worth it: p · catch · loss > review + delay + false rejects."""
    return stakes.gain > stakes.price


def break_even_loss(stakes: Stakes) -> float:
    """The loss per wrong case above which asking pays; infinite when nothing would be caught."""
    caught = stakes.p_wrong * stakes.catch
    return stakes.price / caught if caught > 0.0 else math.inf


@dataclass(frozen=True, slots=True, kw_only=True)
class Saving:
    """A rule's balance over some stretch of time: what it avoids against what it risks."""

    reviews_avoided: float
    spot_checks: float
    misses: float

    @property
    def total(self) -> float:
        return self.reviews_avoided - self.spot_checks - self.misses


def saving(
    *, asks_avoided: int, review: float, spot_check_rate: float, misses_upper_bound: float, loss: float
) -> Saving:
    """What letting `asks_avoided` cases through would save. Misses are charged at the upper bound of their rate."""
    if asks_avoided < 0 or not 0.0 <= spot_check_rate <= 1.0 or not 0.0 <= misses_upper_bound <= 1.0:
        raise InvalidInput("rates lie between 0 and 1, and the count is not negative")
    return Saving(
        reviews_avoided=asks_avoided * review,
        spot_checks=asks_avoided * spot_check_rate * review,
        misses=asks_avoided * misses_upper_bound * loss,
    )


def clean_cases_needed(safe_share: float, certainty: float = 0.95) -> int:
    """Cases without a single reject that show, at this certainty, that the share of safe cases is at least
    `safe_share`.
    """
    if not (0.0 < safe_share < 1.0 and 0.0 < certainty < 1.0):
        raise InvalidInput("shares lie strictly between 0 and 1")
    return math.ceil(math.log(1.0 - certainty) / math.log(safe_share))
