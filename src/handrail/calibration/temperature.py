"""Temperature scaling: q ∝ p^(1/T), with T by least log loss of (top confidence, right or wrong).

Guo, Pleiss, Sun, Weinberger (2017), "On Calibration of Modern Neural Networks", section 4.2. Here the target is whether
the top answer was right, because that is what a review says; for a scalar score it is σ(logit(s) / T).
"""

from __future__ import annotations

import math

import numpy as np

from handrail.calibration.scores import Floats, confidence_logits

LOG_T = (-3.0, 3.0)
_GOLDEN = (math.sqrt(5.0) - 1.0) / 2.0


def fit_temperature(read: Floats, correct: Floats, weights: Floats) -> float:
    """ln T in [−3, 3] for scores as `scores.read_scores` gives them."""

    def loss(log_t: float) -> float:
        x = confidence_logits(read, math.exp(-log_t))
        # ln(1 + e^x) − z·x is the log loss of σ(x)
        return float(np.sum(weights * (np.logaddexp(0.0, x) - correct * x)))

    grid = np.linspace(*LOG_T, 13)
    best = int(np.argmin([loss(t) for t in grid]))
    low, high = float(grid[max(best - 1, 0)]), float(grid[min(best + 1, len(grid) - 1)])
    inner, outer = high - _GOLDEN * (high - low), low + _GOLDEN * (high - low)
    at_inner, at_outer = loss(inner), loss(outer)
    while high - low > 1e-4:
        if at_inner <= at_outer:
            high, outer, at_outer = outer, inner, at_inner
            inner = high - _GOLDEN * (high - low)
            at_inner = loss(inner)
        else:
            low, inner, at_inner = inner, outer, at_outer
            outer = low + _GOLDEN * (high - low)
            at_outer = loss(outer)
    return (low + high) / 2.0
