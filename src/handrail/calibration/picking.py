"""Fit one method on scores that were read already, and pick among methods by cross-fitted log loss."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from handrail.calibration.beta import fit_beta
from handrail.calibration.isotonic import pool
from handrail.calibration.methods import Fitted, Method
from handrail.calibration.metrics import log_loss
from handrail.calibration.platt import fit_platt
from handrail.calibration.scores import Floats, confidence_logits, sigmoids
from handrail.calibration.temperature import fit_temperature
from handrail.calibration.truth import Classes
from handrail.calibration.vector import Scaling, fit_vector

FOLDS = 5
# cases that are cross-fitted: more would tell methods apart no better, and a million would take a minute
MOST = 50_000
# from so many labels on, the losses alone decide
FEW = 500
HANDICAP = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What is fitted on: scores as `scores.read_scores` gives them, right (1) or wrong (0), weights of mean 1."""

    read: Floats
    right: Floats
    weights: Floats
    # for vectors: the place of each true class, as `truth.true_classes` gives it
    truth: Classes | None = None

    def __len__(self) -> int:
        return len(self.right)

    def take(self, rows: Any) -> Evidence:
        truth = None if self.truth is None else self.truth[rows]
        return Evidence(read=self.read[rows], right=self.right[rows], weights=self.weights[rows], truth=truth)


def fit_method(method: Method, evidence: Evidence, near: Fitted | None = None) -> Fitted:
    """One method's numbers. `near`: a fit of nearly the same cases, to start from."""
    return _FITS[method](evidence, near)


def cross_fit(method: Method, evidence: Evidence, near: Fitted | None = None) -> Floats:
    """Each case's confidence from a fit that has not seen it. Folds alternate within right and within wrong."""
    fold = np.empty(len(evidence), dtype=np.int64)
    for value in (0.0, 1.0):
        members = np.flatnonzero(evidence.right == value)
        fold[members] = np.arange(len(members)) % FOLDS
    made = np.empty(len(evidence))
    for k in range(FOLDS):
        out = fold == k
        made[out] = fit_method(method, evidence.take(~out), near).top_many(evidence.read[out])
    return made


def pick(methods: Mapping[Method, Fitted], evidence: Evidence) -> tuple[Method, dict[Method, float], Floats, Evidence]:
    """The method of least cross-fitted log loss of (confidence, right or wrong); every method's loss; the confidences
    of the picked one; the cases they belong to (of very many, an evenly spaced part).
    """
    step = -(-len(evidence) // MOST)
    part = evidence if step == 1 else evidence.take(slice(None, None, step))
    held_out = {method: cross_fit(method, part, fitted) for method, fitted in methods.items()}
    losses = {method: log_loss(c, part.right, part.weights) for method, c in held_out.items()}
    best = min(losses, key=lambda method: losses[method] + _handicap(method, held_out, part))
    return best, losses, held_out[best], part


def _handicap(method: Method, held_out: Mapping[Method, Floats], part: Evidence) -> float:
    """Below 500 labels another method must beat temperature by half the standard error of the difference."""
    if len(part) >= FEW or method == "temperature" or "temperature" not in held_out:
        return 0.0
    gain = part.weights * (_losses(held_out["temperature"], part) - _losses(held_out[method], part))
    return HANDICAP * float(gain.std(ddof=1)) / math.sqrt(len(part))


def _losses(confidence: Floats, part: Evidence) -> Floats:
    return np.asarray(-np.where(part.right > 0.5, np.log(confidence), np.log1p(-confidence)))


def _temperature(evidence: Evidence, near: Fitted | None) -> Fitted:
    del near
    log_t = fit_temperature(evidence.read, evidence.right, evidence.weights, evidence.truth)
    return Fitted(method="temperature", numbers=(log_t,))


def _temperature_mix(evidence: Evidence, near: Fitted | None) -> Fitted:
    (log_t,) = _temperature(evidence, near).numbers
    # the uniform weighs one case in all
    return Fitted(method="temperature_mix", numbers=(log_t, 1.0 / (len(evidence) + 1)))


def _platt(evidence: Evidence, near: Fitted | None) -> Fitted:
    del near
    return Fitted(method="platt", numbers=fit_platt(confidence_logits(evidence.read), evidence.right, evidence.weights))


def _beta(evidence: Evidence, near: Fitted | None) -> Fitted:
    del near
    return Fitted(method="beta", numbers=fit_beta(confidence_logits(evidence.read), evidence.right, evidence.weights))


def _vector(evidence: Evidence, near: Fitted | None) -> Fitted:
    assert evidence.truth is not None, "vector scaling is offered only where true classes are known"
    start = None if near is None else Scaling(np.array(near.x), np.array(near.y))
    made = fit_vector(evidence.read, evidence.truth, evidence.weights, start)
    return Fitted(method="vector", x=tuple(made.weights.tolist()), y=tuple(made.shifts.tolist()))


def _isotonic(evidence: Evidence, near: Fitted | None) -> Fitted:
    del near
    n = len(evidence)
    x, y = pool(sigmoids(confidence_logits(evidence.read)), evidence.right, evidence.weights)
    # a block of right answers only is no proof of certainty
    y = np.clip(y, 1.0 / (n + 2), 1.0 - 1.0 / (n + 2))
    return Fitted(method="isotonic", x=tuple(x.tolist()), y=tuple(y.tolist()))


_FITS: dict[Method, Callable[[Evidence, Fitted | None], Fitted]] = {
    "temperature": _temperature,
    "temperature_mix": _temperature_mix,
    "platt": _platt,
    "beta": _beta,
    "vector": _vector,
    "isotonic": _isotonic,
}
