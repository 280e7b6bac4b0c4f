"""Ridge vector scaling: q = softmax(w∘ln p + b), penalty ‖w − w̄‖² + ‖b‖² against the summed log loss.

Guo and others (2017), section 4.2, with a ridge towards one temperature for all classes, so that 200 labels will do.
It moves weight between classes, and so may repair accuracy where a model favours some. By Newton's method; a case that
is only known not to be of its top class counts with the loss of all other classes together, by expectation and
maximisation around the same step.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from handrail.calibration.scores import Floats, softmax
from handrail.calibration.truth import Classes

_ROUNDS = 60
_TINY = 1e-300


class Scaling(NamedTuple):
    """One weight and one shift a class."""

    weights: Floats
    shifts: Floats


def fit_vector(read: Floats, truth: Classes, weights: Floats, start: Scaling | None = None) -> Scaling:
    """Fit on log probabilities (n, K). `truth`: as `truth.true_classes` gives it. `start`: a fit of nearly these cases.

    Weights are at least 0: no class is trusted less for a higher score.
    """
    classes = read.shape[1]
    held = np.zeros(classes, dtype=bool)
    found = Scaling(np.ones(classes), np.zeros(classes)) if start is None else start
    while True:
        found = _newton(read, truth, weights, found, held)
        fallen = (found.weights < 0.0) & ~held
        if not fallen.any():
            return found
        held |= fallen
        found = Scaling(np.where(held, 0.0, found.weights), found.shifts)


def _newton(x: Floats, truth: Classes, weights: Floats, start: Scaling, held: Floats) -> Scaling:
    classes, top = x.shape[1], x.argmax(axis=1)
    w, b = start
    loss, q = _loss(x, truth, top, weights, w, b)
    for _ in range(_ROUNDS):
        slope, curve = _step(x, q, _targets(q, truth, top), weights, w, b)
        slope[:classes][held] = 0.0
        at = np.flatnonzero(held)
        curve[at, :] = curve[:, at] = 0.0
        curve[at, at] = 1.0
        move = np.linalg.solve(curve, slope)
        step, falls = 1.0, float(slope @ move)
        while step > 1e-8:
            tried, q_tried = _loss(x, truth, top, weights, w - step * move[:classes], b - step * move[classes:])
            if tried <= loss - 1e-4 * step * falls:
                break
            step /= 2.0
        else:
            break
        w, b = w - step * move[:classes], b - step * move[classes:]
        gained, loss, q = loss - tried, tried, q_tried
        if gained < 1e-7 * max(1.0, loss):
            break
    return Scaling(w, b)


def _targets(q: Floats, truth: Classes, top: Classes) -> Floats:
    """What each case says of its classes: all on the true one, or what q gives to all but the top one."""
    rows, known = np.arange(len(q)), truth >= 0
    made = np.zeros_like(q)
    made[rows[known], truth[known]] = 1.0
    if not known.all():
        others = q[~known].copy()
        others[np.arange(len(others)), top[~known]] = 0.0
        made[~known] = others / np.maximum(others.sum(axis=1, keepdims=True), _TINY)
    return made


def _step(x: Floats, q: Floats, target: Floats, weights: Floats, w: Floats, b: Floats) -> tuple[Floats, Floats]:
    """The slope, and the curvature as if `target` were fixed: an upper bound where it is not."""
    k = x.shape[1]
    away = weights[:, None] * (q - target)
    slope = np.concatenate([(away * x).sum(axis=0) + 2.0 * (w - w.mean()), away.sum(axis=0) + 2.0 * b])
    tilted, heavy = x * q, weights[:, None] * q
    heavy_tilted = weights[:, None] * tilted
    curve = np.empty((2 * k, 2 * k))
    curve[:k, :k] = np.diag((heavy_tilted * x).sum(axis=0)) - tilted.T @ heavy_tilted + 2.0 * (np.eye(k) - 1.0 / k)
    curve[k:, k:] = np.diag(heavy.sum(axis=0)) - q.T @ heavy + 2.0 * np.eye(k)
    curve[:k, k:] = np.diag(heavy_tilted.sum(axis=0)) - tilted.T @ heavy
    curve[k:, :k] = curve[:k, k:].T
    curve[np.diag_indices(2 * k)] += 1e-9
    return slope, curve


def _loss(x: Floats, truth: Classes, top: Classes, weights: Floats, w: Floats, b: Floats) -> tuple[float, Floats]:
    q = softmax(x * w + b)
    rows = np.arange(len(q))
    said = np.where(truth >= 0, q[rows, truth], 1.0 - q[rows, top])
    ridge = float((w - w.mean()) @ (w - w.mean()) + b @ b)
    return float(-weights @ np.log(np.maximum(said, _TINY))) + ridge, q
