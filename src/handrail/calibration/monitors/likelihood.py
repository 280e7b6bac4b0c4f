"""Is a share above (or below) a bound? A mean of likelihood ratios against the bound, from two counts.

For Bernoulli observations the ratio p′ : p₀ with p′ above p₀ is an e-process for every true share up to p₀, and so is a
mean of such ratios. The mean of ratios depends on the counts alone, so any number of observations may be added at once
and in any order within the look.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from handrail.calibration.monitors.alarm import log_mean_exp, log_mean_exp_of
from handrail.errors import InvalidInput

State = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Likelihood:
    """An e-process that grows when the share of hits lies beyond `bound` on the side of the `alternatives`."""

    bound: float
    alternatives: tuple[float, ...]

    def __post_init__(self) -> None:
        if not 0.0 < self.bound < 1.0:
            raise InvalidInput(f"a bound is a share between 0 and 1, not {self.bound}")
        above = [p > self.bound for p in self.alternatives]
        if not self.alternatives or not all(0.0 < p < 1.0 for p in self.alternatives) or len(set(above)) > 1:
            raise InvalidInput("the alternatives are shares between 0 and 1, all on one side of the bound")

    def start(self) -> State:
        """Nothing seen."""
        return {"v": 1, "n": 0, "k": 0}

    def step(self, state: Mapping[str, Any], hit: bool) -> State:
        """One more observation."""
        return self.add(state, int(hit), 1)

    def add(self, state: Mapping[str, Any], hits: int, n: int) -> State:
        """So many more observations with so many hits."""
        if not 0 <= hits <= n:
            raise InvalidInput(f"{hits} hits in {n} observations cannot be")
        return {"v": 1, "n": state["n"] + n, "k": state["k"] + hits}

    def log_e(self, state: Mapping[str, Any]) -> float:
        """log E now; 0 at the start."""
        k, misses = state["k"], state["n"] - state["k"]
        return log_mean_exp([k * hit + misses * miss for hit, miss in self.ratios()])

    def ratios(self) -> Sequence[tuple[float, float]]:
        """What a hit and a miss add to the log of each ratio."""
        p0 = self.bound
        return [(math.log(p / p0), math.log1p(-p) - math.log1p(-p0)) for p in self.alternatives]

    def path(self, hits: ArrayLike) -> NDArray[np.float64]:
        """log E after each observation of many streams at once (streams × observations of 0 and 1)."""
        k = np.cumsum(np.asarray(hits, dtype=np.float64), axis=-1)
        misses = np.arange(1, k.shape[-1] + 1) - k
        return log_mean_exp_of(np.stack([k * hit + misses * miss for hit, miss in self.ratios()]))
