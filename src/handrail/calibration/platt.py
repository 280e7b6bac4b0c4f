"""Smoothed Platt scaling: c = σ(a·x + b) on the logit x of the score.

Platt (1999) with the smoothed targets (n₊ + 1)/(n₊ + 2) and 1/(n₋ + 2), by Newton's method with a line search as in
Lin, Lin, Weng (2007), "A note on Platt's probabilistic outputs for support vector machines". It survives labels of one
class.
"""

from __future__ import annotations

import math

import numpy as np

from handrail.calibration.scores import Floats, sigmoids

_ROUNDS = 100
_RIDGE = 1e-9


def fit_platt(x: Floats, correct: Floats, weights: Floats) -> tuple[float, float]:
    """(a, b). a is never negative: scores that rank backwards say nothing, and the answer is then one rate for all."""
    right, wrong = float(np.sum(weights * correct)), float(np.sum(weights * (1.0 - correct)))
    target = np.where(correct > 0.5, (right + 1.0) / (right + 2.0), 1.0 / (wrong + 2.0))
    rate = float(np.average(target, weights=weights))
    level = math.log(rate / (1.0 - rate))
    if right == 0.0 or wrong == 0.0:
        return 0.0, level
    a, b = _newton(x, target, weights, level)
    return (a, b) if a > 0.0 else (0.0, level)


def _newton(x: Floats, target: Floats, weights: Floats, level: float) -> tuple[float, float]:
    # centred and scaled, the two parameters hardly interact
    centre, spread = float(np.average(x, weights=weights)), float(np.std(x)) or 1.0
    z = (x - centre) / spread
    a, b = 0.0, level
    loss = _loss(z, target, weights, a, b)
    for _ in range(_ROUNDS):
        p = sigmoids(a * z + b)
        error = weights * (p - target)
        curve = weights * p * (1.0 - p)
        ga, gb = float(error @ z), float(error.sum())
        haa, hab, hbb = float(curve @ (z * z)) + _RIDGE, float(curve @ z), float(curve.sum()) + _RIDGE
        det = haa * hbb - hab * hab
        da, db = (hbb * ga - hab * gb) / det, (haa * gb - hab * ga) / det
        step = 1.0
        while step > 1e-10:
            tried = _loss(z, target, weights, a - step * da, b - step * db)
            if tried <= loss - 1e-4 * step * (ga * da + gb * db):
                break
            step /= 2.0
        else:
            break
        a, b, gained, loss = a - step * da, b - step * db, loss - tried, tried
        if gained < 1e-12 * max(1.0, loss):
            break
    return a / spread, b - a * centre / spread


def _loss(z: Floats, target: Floats, weights: Floats, a: float, b: float) -> float:
    x = a * z + b
    return float(np.sum(weights * (np.logaddexp(0.0, x) - target * x)))
