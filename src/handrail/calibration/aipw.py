"""The error of what was let through, from the few cases that were checked: unbiased, however the checks were drawn.

Augmented inverse-probability weighting (Robins, Rotnitzky, Zhao 1994): the mean over all cases of q + a/π·(e − q), with
q = 1 − confidence, a = 1 if the case was checked, e = 1 if it was wrong, π the chance of being checked. A bad q makes
the interval wider, never the estimate wrong; but where errors are rare and confidence was sure of them, the interval is
too short until one was drawn. Only chances above 0 may stand in for cases nobody could have checked:
errors among *reviewed* cases say nothing about these.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from handrail.errors import InvalidInput, NotEnoughEvidence

# fewer checks say nothing worth an interval
LEAST_CHECKS = 30
_Z = 1.959963984540054


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """An error rate with its 95 % interval, in [0, 1]; cases it stands for, and checks it rests on."""

    value: float
    low: float
    high: float
    n: int
    checks: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LetThrough:
    """All cases that were let through, in three numbers: how many, the mean of q = 1 - confidence, and of q squared."""

    n: int
    mean: float
    mean_square: float

    @staticmethod
    def of(confidence: ArrayLike) -> LetThrough:
        """The three numbers of a list of confidences."""
        q = 1.0 - np.asarray(confidence, dtype=np.float64)
        return LetThrough(n=int(q.size), mean=float(q.mean()), mean_square=float((q**2).mean()))


def estimate(cases: LetThrough, confidence: ArrayLike, pi: ArrayLike, wrong: ArrayLike) -> Estimate:
    """The error of all these cases, from the checked ones: their confidence, chance of a check, wrong or not.

    Raises `NotEnoughEvidence` below 30 checks, `InvalidInput` for chances outside (0, 1] and for what is no number.
    """
    q, chance = 1.0 - np.asarray(confidence, dtype=np.float64), np.asarray(pi, dtype=np.float64)
    e = np.asarray(wrong, dtype=np.float64)
    if not (q.shape == chance.shape == e.shape and q.ndim == 1 and q.size <= cases.n):
        raise InvalidInput("confidence, chance and wrong are lists of one length, of checks among these cases")
    if not (np.isfinite(q).all() and np.isfinite(e).all() and ((chance > 0.0) & (chance <= 1.0)).all()):
        raise InvalidInput("a chance of being checked lies in (0, 1], and confidence is a number")
    if q.size < LEAST_CHECKS:
        raise NotEnoughEvidence(
            f"not enough evidence yet ({q.size} of {LEAST_CHECKS} checks)", have=int(q.size), need=LEAST_CHECKS
        )
    added = (e - q) / chance
    value = cases.mean + float(added.sum()) / cases.n
    # the sample variance of the bracket over all cases; those nobody checked add their q alone
    square = cases.mean_square + float((2.0 * q * added + added**2).sum()) / cases.n
    half = _Z * math.sqrt(max(0.0, square - value * value) / cases.n)
    return Estimate(
        value=min(1.0, max(0.0, value)), low=max(0.0, value - half), high=min(1.0, value + half), n=cases.n,
        checks=int(q.size),
    )  # fmt: skip
