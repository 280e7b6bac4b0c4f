"""Temperature scaling: q ∝ p^(1/T), with T by least log loss.

Guo, Pleiss, Sun, Weinberger (2017), "On Calibration of Modern Neural Networks", section 4.2. Where the true class is
not known, a wrong answer says only "not this class", and its loss is that of all the others together; for a scalar
score q is σ(logit(s)/T).
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from handrail.calibration.scores import Floats, sigmoids
from handrail.calibration.truth import Classes

LOG_T = (-3.0, 3.0)
_CLOSE = 1e-7


def fit_temperature(read: Floats, correct: Floats, weights: Floats, truth: Classes | None = None) -> float:
    """ln T in [−3, 3] for scores as `scores.read_scores` gives them. `truth`: as `truth.true_classes` gives it."""
    slope = _of_scalars(read, correct, weights) if read.ndim == 1 else _of_vectors(read, correct, weights, truth)
    return -_falling_point(lambda log_b: slope(math.exp(log_b)))


def _of_scalars(x: Floats, correct: Floats, weights: Floats) -> Callable[[float], float]:
    """d(log loss)/dβ at β = 1/T."""
    weighted = weights * x
    return lambda beta: float(weighted @ (sigmoids(beta * x) - correct))


def _of_vectors(read: Floats, correct: Floats, weights: Floats, truth: Classes | None) -> Callable[[float], float]:
    x = read - read.max(axis=1, keepdims=True)
    known = np.where(correct > 0.5, x.argmax(axis=1), -1) if truth is None else truth
    partial = known < 0
    own = np.where(partial, 0.0, x[np.arange(len(x)), known])

    def slope(beta: float) -> float:
        e = np.exp(beta * x)
        whole, tilted = e.sum(axis=1), np.einsum("ij,ij->i", e, x)
        # the top class has x = 0 and e = 1: without it the others are left
        others = tilted / np.maximum(whole - 1.0, 1e-300)
        return float(weights @ (tilted / whole - np.where(partial, others, own)))

    return slope


def _falling_point(slope: Callable[[float], float]) -> float:
    """Where the loss stops falling, searched from 0 within ±3: bracket by steps of one, then the Illinois method."""
    low = high = 0.0
    at_low = at_high = slope(0.0)
    while at_high < 0.0 and high < LOG_T[1]:
        low, at_low, high = high, at_high, high + 1.0
        at_high = slope(high)
    while at_low > 0.0 and low > LOG_T[0]:
        high, at_high, low = low, at_low, low - 1.0
        at_low = slope(low)
    if at_high < 0.0:
        return high
    if at_low > 0.0:
        return low
    side = 0
    while high - low > _CLOSE and at_high - at_low > 0.0:
        middle = (low * at_high - high * at_low) / (at_high - at_low)
        middle = min(max(middle, low + 0.01 * (high - low)), high - 0.01 * (high - low))
        at_middle = slope(middle)
        if at_middle < 0.0:
            low, at_low = middle, at_middle
            at_high = at_high / 2.0 if side < 0 else at_high
            side = -1
        elif at_middle > 0.0:
            high, at_high = middle, at_middle
            at_low = at_low / 2.0 if side > 0 else at_low
            side = 1
        else:
            return middle
    return (low + high) / 2.0
