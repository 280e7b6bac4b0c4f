"""Logistic regression by Newton's method: small, exact, numpy alone."""

from __future__ import annotations

from typing import Any

import numpy as np

from handrail.calibration.scores import Floats, sigmoids

_ROUNDS = 100
_RIDGE = 1e-9


def fit_logistic(
    z: Floats,
    target: Floats,
    weights: Floats,
    start: Floats,
    *,
    prior: Floats | None = None,
    precision: Floats | None = None,
) -> Floats:
    """Coefficients β of σ(zβ) with the least weighted log loss against `target` (0 to 1).

    z (n, p): columns of about unit spread. `prior` and `precision` (p,): pull β towards the prior by
    ½·precision·(β − prior)².
    """
    p = z.shape[1]
    centre = np.zeros(p) if prior is None else prior
    pull = np.full(p, _RIDGE) if precision is None else precision
    beta, loss = start, _loss(z, target, weights, start, centre, pull)
    for _ in range(_ROUNDS):
        chance = sigmoids(z @ beta)
        slope = z.T @ (weights * (chance - target)) + pull * (beta - centre)
        curve = (z.T * (weights * chance * (1.0 - chance))) @ z + np.diag(pull + _RIDGE)
        move = np.linalg.solve(curve, slope)
        step, falls = 1.0, float(slope @ move)
        while step > 1e-10:
            tried = _loss(z, target, weights, beta - step * move, centre, pull)
            if tried <= loss - 1e-4 * step * falls:
                break
            step /= 2.0
        else:
            break
        beta, gained, loss = beta - step * move, loss - tried, tried
        if gained < 1e-12 * max(1.0, loss):
            break
    return beta


def smoothed(correct: Floats, weights: Floats) -> Floats:
    """Platt's targets: (n₊ + 1)/(n₊ + 2) for right and 1/(n₋ + 2) for wrong answers."""
    right, wrong = float(np.sum(weights * correct)), float(np.sum(weights * (1.0 - correct)))
    return np.asarray(np.where(correct > 0.5, (right + 1.0) / (right + 2.0), 1.0 / (wrong + 2.0)))


def _loss(z: Floats, target: Floats, weights: Floats, beta: Floats, centre: Floats, pull: Any) -> float:
    x = z @ beta
    own = float(np.sum(weights * (np.logaddexp(0.0, x) - target * x)))
    return own + 0.5 * float(pull @ (beta - centre) ** 2)
