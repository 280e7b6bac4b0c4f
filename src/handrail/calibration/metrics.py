"""How good confidences are. `_loss` and `_error`: lower is better."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from handrail.binomial import wilson
from handrail.calibration.scores import Floats
from handrail.errors import InvalidInput, NotEnoughEvidence

LEAST_PER_BIN = 30
MOST_BINS = 15
_EDGE = 1e-12


@dataclass(frozen=True, slots=True, kw_only=True)
class Bin:
    """One row of a reliability table."""

    n: int
    # mean confidence and share that was right
    confidence: float
    accuracy: float
    # Wilson interval of the accuracy
    low: float
    high: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """A figure with its interval and the number of cases behind it."""

    value: float
    low: float
    high: float
    n: int


def log_loss(confidence: Any, correct: Any, weights: Any = None) -> float:
    """Mean −ln of the chance given to what happened."""
    c, z = _pair(confidence, correct)
    c = np.clip(c, _EDGE, 1.0 - _EDGE)
    return float(np.average(-np.where(z > 0.5, np.log(c), np.log1p(-c)), weights=weights))


def brier_loss(confidence: Any, correct: Any, weights: Any = None) -> float:
    """Mean squared distance between confidence and right (1) or wrong (0)."""
    c, z = _pair(confidence, correct)
    return float(np.average((c - z) ** 2, weights=weights))


def reliability(confidence: Any, correct: Any, weights: Any = None, *, bins: int = MOST_BINS) -> tuple[Bin, ...]:
    """Equal-mass bins of at least 30 labels, at most `bins`; equal confidences share a bin.

    With weights 1 / P(labelled), shares are weighted and intervals those of the effective number of labels. Raises
    `NotEnoughEvidence` below 30 labels.
    """
    c, z = _pair(confidence, correct)
    w = np.ones(len(c)) if weights is None else np.asarray(weights, dtype=np.float64)
    return tuple(_bin(c[part], z[part], w[part]) for part in _equal_mass(c, bins))


def spiegelhalter(confidence: Any, correct: Any) -> tuple[float, float]:
    """Spiegelhalter's (1986) test of calibration: z, and the two-sided chance of one as far from 0.

    It may be looked at once. For looking on as cases come in, use an e-process (`monitors`).
    """
    c, z = _pair(confidence, correct)
    spread = float(((1.0 - 2.0 * c) ** 2 * c * (1.0 - c)).sum())
    if spread == 0.0:
        raise NotEnoughEvidence("confidences of 0, ½ and 1 alone cannot be tested for calibration")
    found = float(((z - c) * (1.0 - 2.0 * c)).sum()) / math.sqrt(spread)
    return found, math.erfc(abs(found) / math.sqrt(2.0))


def risk_coverage_area(confidence: Any, correct: Any, weights: Any = None) -> float:
    """Mean error among the k surest cases, over all k (AURC): lower is a better ranking. Equal confidences share."""
    mass, wrong = _surest_first(confidence, correct, weights)
    return float(np.average(np.cumsum(wrong) / np.cumsum(mass), weights=mass))


def automation(confidence: Any, correct: Any, error: float, weights: Any = None) -> float:
    """The largest share of cases, surest first, among which at most `error` were wrong. It promises nothing: a
    threshold with a promise comes from `thresholds`.
    """
    mass, wrong = _surest_first(confidence, correct, weights)
    held = np.flatnonzero(np.cumsum(wrong) <= error * np.cumsum(mass) * (1.0 + 1e-12))
    return float(mass[: held[-1] + 1].sum() / mass.sum()) if len(held) else 0.0


def expected_calibration_error(
    confidence: Any, correct: Any, rng: np.random.Generator, *, bins: int = MOST_BINS, resamples: int = 200
) -> Estimate:
    """Mean |confidence − accuracy| over equal-mass bins, with a 95 % bootstrap interval.

    A perfectly calibrated stream shows about 0.05 at 100 labels and 0.017 at 1,000: describe with it, never alarm.
    """
    c, z = _pair(confidence, correct)
    drawn = []
    for _ in range(resamples):
        at = rng.integers(0, len(c), len(c))
        drawn.append(_binned_error(c[at], z[at], bins))
    low, high = np.quantile(drawn, (0.025, 0.975))
    return Estimate(value=_binned_error(c, z, bins), low=float(low), high=float(high), n=len(c))


def calibration_error(confidence: Any, correct: Any, *, bins: int = MOST_BINS) -> float:
    """Debiased root mean square calibration error; the variance expected by chance is taken off each bin."""
    c, z = _pair(confidence, correct)
    total = 0.0
    for part in _equal_mass(c, bins):
        n, gap, rate = len(part), float(c[part].mean() - z[part].mean()), float(z[part].mean())
        total += n / len(c) * (gap * gap - rate * (1.0 - rate) / (n - 1))
    return math.sqrt(max(total, 0.0))


def _bin(c: Floats, z: Floats, w: Floats) -> Bin:
    accuracy = float(np.average(z, weights=w))
    effective = float(w.sum()) ** 2 / float((w * w).sum())
    # a mean of ones may come out a hair above one
    low, high = wilson(min(accuracy, 1.0) * effective, effective)
    return Bin(n=len(c), confidence=float(np.average(c, weights=w)), accuracy=accuracy, low=low, high=high)


def _surest_first(confidence: Any, correct: Any, weights: Any) -> tuple[Floats, Floats]:
    """Weight and weight of wrong answers of each distinct confidence, highest first."""
    c, z = _pair(confidence, correct)
    w = np.ones(len(c)) if weights is None else np.asarray(weights, dtype=np.float64)
    _, place = np.unique(-c, return_inverse=True)
    mass, wrong = np.bincount(place, weights=w), np.bincount(place, weights=w * (1.0 - z))
    return np.asarray(mass, dtype=np.float64), np.asarray(wrong, dtype=np.float64)


def _binned_error(c: Floats, z: Floats, bins: int) -> float:
    return float(sum(len(part) * abs(c[part].mean() - z[part].mean()) for part in _equal_mass(c, bins)) / len(c))


def _equal_mass(c: Floats, bins: int) -> list[Any]:
    if len(c) < LEAST_PER_BIN:
        raise NotEnoughEvidence(
            f"not enough evidence yet ({len(c)} of {LEAST_PER_BIN} labels)", have=len(c), need=LEAST_PER_BIN
        )
    count = max(1, min(bins, len(c) // LEAST_PER_BIN))
    order = np.argsort(c, kind="stable")
    ranked = c[order]
    cuts = [round(k * len(c) / count) for k in range(1, count)]
    # a cut never falls between equal confidences, or the order of the labels would move the figure
    moved = {int(np.searchsorted(ranked, ranked[cut], side="left")) for cut in cuts}
    kept: list[int] = []
    for cut in sorted(moved):
        if cut - (kept[-1] if kept else 0) >= LEAST_PER_BIN and len(c) - cut >= LEAST_PER_BIN:
            kept.append(cut)
    return np.split(order, kept)


def _pair(confidence: Any, correct: Any) -> tuple[Floats, Floats]:
    c, z = np.asarray(confidence, dtype=np.float64), np.asarray(correct, dtype=np.float64)
    if c.shape != z.shape or c.ndim != 1 or not len(c):
        raise InvalidInput(f"as many confidences as answers are needed, not {c.size} and {z.size}")
    if not ((c >= 0.0) & (c <= 1.0)).all():
        raise InvalidInput("a confidence is NaN or lies outside [0, 1]")
    return c, z
