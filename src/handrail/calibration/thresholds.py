"""The lowest confidence to let through without asking, with a promise about the errors among what is let through.

Learn-then-test by fixed sequence: Angelopoulos, Bates, Candès, Jordan, Lei (2021), "Learn then Test", with exact
binomial tails. Promise: with chance at least 1 − δ over the labels drawn, the error among proposals at or above the
threshold is at most the target, for cases like these. The labels must be drawn uniformly from the stream (spot checks
above the present threshold, reviewed cases below it thinned to the same rate); labels picked because they were doubtful
void it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from handrail.calibration.binomial import binomial_cdf, least_cases, upper_bound
from handrail.errors import InvalidInput, NotEnoughEvidence

STEPS = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Threshold:
    """A certified cut, or the finding that nothing can be let through."""

    # let through at or above this confidence; None: nothing
    value: float | None
    target_error: float
    # chance that the promise is broken
    delta: float
    # labels used, labels at or above the cut, errors among those
    n: int
    passed: int
    errors: int
    # upper bound of the error among what is let through; 1 when nothing is
    bound: float

    @property
    def automation(self) -> float:
        """Share of the labelled cases that would be let through."""
        return self.passed / self.n


def choose_threshold(
    confidence: Any, correct: Any, target_error: float, *, delta: float = 0.1, groups: int = 1
) -> Threshold:
    """Certify a threshold on uniformly drawn (confidence, was it right).

    `groups`: how many thresholds are certified side by side (each then at δ / groups). Raises `InvalidInput` for bad
    numbers and `NotEnoughEvidence` when even a flawless record of this length could not show the target.
    """
    c, wrong = _labels(confidence, correct)
    if not (0.0 < target_error < 1.0 and 0.0 < delta < 1.0 and groups >= 1):
        raise InvalidInput("the target error and delta lie strictly between 0 and 1, and there is at least one group")
    level, n = delta / groups, len(c)
    # fixed before any answer is seen: how many errors the first prefix may hold
    least = least_cases(2 if n * target_error >= 12 else 0, target_error, level)
    if n < least:
        raise NotEnoughEvidence(f"not enough evidence yet ({n} of {least} labels)", have=n, need=least)
    order = np.argsort(-c, kind="stable")
    ranked, errors = c[order], np.cumsum(wrong[order])
    passed = 0
    for m in _prefixes(ranked, least):
        if binomial_cdf(int(errors[m - 1]), m, target_error) > level:
            break
        passed = m
    k = int(errors[passed - 1]) if passed else 0
    return Threshold(
        value=float(ranked[passed - 1]) if passed else None,
        target_error=target_error,
        delta=delta,
        n=n,
        passed=passed,
        errors=k,
        bound=upper_bound(k, passed, level) if passed else 1.0,
    )


def _prefixes(ranked: Any, least: int) -> list[int]:
    """At most `STEPS` equally spaced lengths from `least` to all, each moved on past equal confidences."""
    n = len(ranked)
    lengths = np.unique(np.linspace(least, n, min(STEPS, n - least + 1)).round().astype(int))
    # a cut cannot separate equal confidences
    moved = np.searchsorted(-ranked, -ranked[lengths - 1], side="right")
    return [int(m) for m in np.unique(moved)]


def _labels(confidence: Any, correct: Any) -> tuple[Any, Any]:
    c, z = np.asarray(confidence, dtype=np.float64), np.asarray(correct, dtype=np.float64)
    if c.shape != z.shape or c.ndim != 1:
        raise InvalidInput(f"as many confidences as answers are needed, not {c.size} and {z.size}")
    if not ((c >= 0.0) & (c <= 1.0)).all():
        raise InvalidInput("a confidence is NaN or lies outside [0, 1]")
    if not np.isin(z, (0.0, 1.0)).all():
        raise InvalidInput("each answer must say right (true) or wrong (false)")
    return c, 1.0 - z
