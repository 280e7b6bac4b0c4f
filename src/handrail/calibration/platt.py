"""Smoothed Platt scaling: c = σ(a·x + b) on the logit x of the score.

Platt (1999) with the smoothed targets (n₊ + 1)/(n₊ + 2) and 1/(n₋ + 2), by Newton's method with a line search as in
Lin, Lin, Weng (2007), "A note on Platt's probabilistic outputs for support vector machines". It survives labels of one
class.
"""

from __future__ import annotations

import math

import numpy as np

from handrail.calibration.logistic import fit_logistic, smoothed
from handrail.calibration.scores import Floats


def fit_platt(x: Floats, correct: Floats, weights: Floats) -> tuple[float, float]:
    """(a, b). a is never negative: scores that rank backwards say nothing, and the answer is then one rate for all."""
    target = smoothed(correct, weights)
    rate = float(np.average(target, weights=weights))
    level = math.log(rate / (1.0 - rate))
    if correct.min() == correct.max():
        return 0.0, level
    # centred and scaled, the two parameters hardly interact
    centre, spread = float(np.average(x, weights=weights)), float(np.std(x)) or 1.0
    z = np.stack([(x - centre) / spread, np.ones(len(x))], axis=1)
    a, b = fit_logistic(z, target, weights, np.array([0.0, level]))
    return (float(a / spread), float(b - a * centre / spread)) if a > 0.0 else (0.0, level)


def fit_platt_near(
    x: Floats, correct: Floats, weights: Floats, near: tuple[float, float], precision: tuple[float, float]
) -> tuple[float, float]:
    """(a, b) pulled towards `near` by ½·precision·difference²: a few labels move it a little."""
    z = np.stack([x, np.ones(len(x))], axis=1)
    start = np.array(near)
    a, b = fit_logistic(z, correct, weights, start, prior=start, precision=np.array(precision))
    return max(float(a), 0.0), float(b)
