"""Upper bounds of a mean of losses in [0, 1], by betting.

Waudby-Smith and Ramdas (2024), "Estimating means of bounded random variables by betting": for a supposed mean μ the
capital ∏ (1 + λ_t (μ − L_t)) grows only if the mean is below μ; λ_t is set before L_t is seen. By Ville's inequality it
ever reaches 1/δ with chance at most δ when the mean is μ or more.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

# a bet never risks more than this share of the capital
_MOST = 0.75


def mean_at_most(losses: Any, limit: float, level: float) -> bool:
    """Whether these losses, in the order drawn, show a mean of at most `limit` at this level."""
    drawn = np.asarray(losses, dtype=np.float64)
    return _grows(drawn, _bets(drawn, level), limit, level)


def mean_bound(losses: Any, level: float) -> float:
    """The least limit that they show; 1 when they show none."""
    drawn = np.asarray(losses, dtype=np.float64)
    bets = _bets(drawn, level)
    if not _grows(drawn, bets, 1.0, level):
        return 1.0
    low, high = 0.0, 1.0
    while high - low > 1e-9:
        middle = (low + high) / 2.0
        low, high = (low, middle) if _grows(drawn, bets, middle, level) else (middle, high)
    return high


def _grows(drawn: Any, bets: Any, limit: float, level: float) -> bool:
    return bool(len(drawn) and np.cumsum(np.log1p(bets * (limit - drawn))).max() >= -math.log(level))


def _bets(drawn: Any, level: float) -> Any:
    """From the running mean and spread of what came before, with a half and a quarter as their prior."""
    n = len(drawn)
    if not n:
        return drawn
    count = np.arange(1, n + 1)
    mean = (0.5 + np.cumsum(drawn)) / (1.0 + count)
    spread = (0.25 + np.cumsum((drawn - mean) ** 2)) / (1.0 + count)
    before = np.concatenate(([0.25], spread[:-1]))
    return np.minimum(np.sqrt(2.0 * math.log(1.0 / level) / (n * before)), _MOST)
