"""Is the error of `auto_approve` above its limit? Fed with weighted spot checks, each with its chance of being drawn.

Among the cases that were drawn, (e − p₀)/π is at most 0 on average exactly while the error of all cases is at most p₀
(e = 1 if wrong). The bet on it is an online Newton step (Cutkosky and Orabona 2018; Waudby-Smith and Ramdas 2024), set
before the case is seen. Betting on what was drawn needs no count of what was not: a case that nobody drew would
multiply by one.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from handrail.errors import InvalidInput

# of the online Newton step
_RATE = 2.0 / (2.0 - math.log(3.0))
State = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class WeightedError:
    """An e-process for an error rate above `limit`; `least` is the smallest π there can be."""

    limit: float
    least: float

    def __post_init__(self) -> None:
        if not (0.0 < self.limit < 1.0 and 0.0 < self.least <= 1.0):
            raise InvalidInput("limit and the least chance of a check lie between 0 and 1")

    def start(self) -> State:
        """Nothing seen."""
        return {"v": 1, "n": 0, "log_e": 0.0, "stake": 0.0, "squares": 1.0}

    def step(self, state: Mapping[str, Any], wrong: bool, pi: float) -> State:
        """One more check. Raises `InvalidInput` for a π below `least` or above 1."""
        if not self.least * (1.0 - 1e-9) <= pi <= 1.0:
            raise InvalidInput(f"a check drawn with chance {pi} cannot be: the least is {self.least}")
        gain = (float(wrong) - self.limit) / max(self.least, pi)
        stake = state["stake"]
        grown = 1.0 + stake * gain
        slope = gain / grown
        squares = state["squares"] + slope * slope
        return {
            "v": 1, "n": state["n"] + 1, "log_e": state["log_e"] + math.log(grown),
            "stake": min(self.most, max(0.0, stake + _RATE * slope / squares)), "squares": squares,
        }  # fmt: skip

    def log_e(self, state: Mapping[str, Any]) -> float:
        """log E now; 0 at the start."""
        return float(state["log_e"])

    @property
    def most(self) -> float:
        """The largest stake: one check without an error may cost at most half of what was won."""
        return 0.5 * self.least / self.limit

    def path(self, wrong: ArrayLike, pi: ArrayLike) -> NDArray[np.float64]:
        """log E after each check of many streams at once (streams × checks)."""
        weight = 1.0 / np.maximum(self.least, np.asarray(pi, dtype=np.float64))
        gains = weight * (np.asarray(wrong, dtype=np.float64) - self.limit)
        stake, squares = np.zeros(gains.shape[0]), np.ones(gains.shape[0])
        logs = np.empty_like(gains)
        for at in range(gains.shape[1]):
            grown = 1.0 + stake * gains[:, at]
            logs[:, at] = np.log(grown)
            slope = gains[:, at] / grown
            squares += slope * slope
            stake = np.clip(stake + _RATE * slope / squares, 0.0, self.most)
        return np.cumsum(logs, axis=1)
