"""Shares of cases: with their interval, many of them at once (Holm), two of them apart (Newcombe)."""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from statistics import NormalDist
from typing import TypeVar

from handrail.binomial import wilson
from handrail.canonical import JSON
from handrail.errors import InvalidInput, NotEnoughEvidence

K = TypeVar("K", bound=Hashable)


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """`hits` of `n`, and the n wanted before the share is shown."""

    hits: int
    n: int
    need: int = 1
    level: float = 0.95

    @property
    def shown(self) -> bool:
        """Whether there is enough to look at."""
        return self.n >= max(1, self.need)

    @property
    def value(self) -> float:
        """The share. Raises `NotEnoughEvidence` below `need`."""
        if not self.shown:
            raise NotEnoughEvidence(
                f"not enough evidence yet ({self.n} of {self.need})", have=self.n, need=max(1, self.need)
            )
        return self.hits / self.n

    @property
    def interval(self) -> tuple[float, float]:
        """Wilson's (1927) interval at `level`. Raises `NotEnoughEvidence` below `need`."""
        _ = self.value
        return wilson(self.hits, self.n, self.level)

    def to_json(self) -> dict[str, JSON]:
        """The share with interval and n; only n and what is wanted while it is not shown."""
        if not self.shown:
            return {"n": self.n, "need": max(1, self.need), "value": None}
        low, high = self.interval
        return {"n": self.n, "need": max(1, self.need), "value": self.value, "low": low, "high": high}


def holm(p_values: Mapping[K, float], level: float = 0.05) -> dict[K, float]:
    """Holm's (1979) step-down correction: those that stand at `level`, with their corrected p-values.

    Among any number of true hypotheses one is called false at most with chance `level`, however they depend.
    """
    found: dict[K, float] = {}
    worst = 0.0
    ranked = sorted(p_values.items(), key=lambda item: item[1])
    for i, (name, p) in enumerate(ranked):
        worst = max(worst, min(1.0, p * (len(ranked) - i)))
        if worst > level:
            break
        found[name] = worst
    return found


def difference(one: Share, two: Share, level: float = 0.95) -> tuple[float, float, float]:
    """one − two with Newcombe's (1998) hybrid score interval: (value, low, high)."""
    p1, p2 = one.hits / one.n, two.hits / two.n
    (l1, u1), (l2, u2) = wilson(one.hits, one.n, level), wilson(two.hits, two.n, level)
    d = p1 - p2
    low = d - math.sqrt((p1 - l1) ** 2 + (u2 - p2) ** 2)
    high = d + math.sqrt((u1 - p1) ** 2 + (p2 - l2) ** 2)
    return d, low, high


def cases_per_arm(p_one: float, p_two: float, *, power: float = 0.8, level: float = 0.05) -> int:
    """Cases wanted in each of two arms to see p_one → p_two with `power` in a one-sided test: 10 → 20 % wants 157."""
    if not (0.0 < p_one < 1.0 and 0.0 < p_two < 1.0) or p_one == p_two:
        raise InvalidInput(f"shares of {p_one} and {p_two} cannot be told apart by counting")
    z_level, z_power = NormalDist().inv_cdf(1.0 - level), NormalDist().inv_cdf(power)
    middle = (p_one + p_two) / 2.0
    pooled = z_level * math.sqrt(2.0 * middle * (1.0 - middle))
    apart = z_power * math.sqrt(p_one * (1.0 - p_one) + p_two * (1.0 - p_two))
    return math.ceil(((pooled + apart) / (p_one - p_two)) ** 2)
