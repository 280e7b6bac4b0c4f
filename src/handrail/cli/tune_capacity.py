"""`handrail tune --method cost --capacity`: what a review must save when people can look at so many cases only."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from handrail.calibration.confusion import Confusion
from handrail.calibration.value import Costs, asking_value
from handrail.errors import InvalidInput
from handrail.operations.shadow import starting_price

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Capacity:
    """A budgeted share of cases, and the shadow price that keeps to it. Money for a whole case."""

    # the share of cases that people can look at
    share: float
    # the share that would be asked at the price of a review, and at the shadow price
    wanted: float
    asked: float
    # the share below the certified threshold: it waits, whatever the budget says
    waiting: float
    # what one more reviewed case would save; None: there are people enough
    price: float | None

    def words(self, unit: str) -> list[str]:
        """For whoever reads the result; `unit` is the currency, or nothing."""
        if self.price is None:
            return [f"capacity {self.share:.1%}: people enough, asking pays in {self.wanted:.1%} of the cases"]
        made = [
            f"capacity {self.share:.1%}: asking would pay in {self.wanted:.1%} of the cases, so a person is asked in "
            f"{self.asked:.1%}, where it saves most",
            f"  shadow price {self.price:.4g}{unit}: what one more reviewed case would save; asking must save more",
        ]
        if self.waiting > self.share:
            made.append(
                f"  {self.waiting:.1%} lie below the certified threshold, more than the capacity: they wait, and none "
                "of them is let through for want of people"
            )
        return made


def under_capacity(
    confidence: Floats, costs: Costs, table: Confusion, share: float, *, certified: float | None
) -> Capacity:
    """The price at which these cases would use just the share; what lies below `certified` is asked before all else.

    Raises `NotEnoughEvidence` below 30 cases.
    """
    if not 0.0 < share <= 1.0:
        raise InvalidInput("a capacity is a share of the cases, above 0 and at most 1")
    value = asking_value(confidence, costs, table, act=0)
    gain = np.maximum(np.maximum(value - costs.delay, costs.undo * value), 0.0)
    waits = np.zeros(len(gain), dtype=bool) if certified is None else confidence < certified
    wanted = waits | (gain > costs.review)
    price = None
    if wanted.mean() > share:
        price = max(costs.review, _price(gain, waits, share))
    asked = wanted if price is None else waits | (gain > price)
    return Capacity(
        share=share, wanted=float(wanted.mean()), asked=float(asked.mean()), waiting=float(waits.mean()), price=price
    )


def _price(gain: Floats, waits: NDArray[np.bool_], share: float) -> float:
    others: Any = gain[~waits]
    left = share * len(gain) - float(waits.sum())
    if not len(others):
        return 0.0
    if left < 1.0:
        return float(others.max())
    return starting_price(others.tolist(), [1.0] * len(others), min(1.0, left / len(others)))
