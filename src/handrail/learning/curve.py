"""The learning curve of the reserve: how good each model was on cases nobody picked, beside learning at random."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from handrail.errors import InvalidInput

# normal quantile of a two-sided 95 % interval
_Z = 1.959963984540054


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """A share of right answers with Wilson's 95 % interval (Wilson 1927); `n` is always shown beside it."""

    right: int
    n: int

    @property
    def share(self) -> float | None:
        """None where nothing was measured."""
        return self.right / self.n if self.n else None

    @property
    def interval(self) -> tuple[float, float]:
        """0 to 1 where nothing was measured."""
        if not self.n:
            return 0.0, 1.0
        p, n, z2 = self.right / self.n, self.n, _Z**2
        middle = (p + z2 / (2 * n)) / (1 + z2 / n)
        half = _Z * math.sqrt(p * (1 - p) / n + z2 / (4 * n * n)) / (1 + z2 / n)
        return max(0.0, middle - half), min(1.0, middle + half)


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """One round. `labels` the model was trained on; `reserve` how many of the reserve it got right, unseen."""

    labels: int
    reserve: Measured
    # the same model trained on `at_random_labels` labels drawn at random; None where it was not tried
    at_random_labels: int | None = None
    at_random: Measured | None = None


def measured(answers: Any, truth: Any) -> Measured:
    """How many answers are right. Raises `InvalidInput` for different lengths."""
    a, b = np.asarray(answers), np.asarray(truth)
    if a.shape != b.shape or a.ndim != 1:
        raise InvalidInput(f"{a.shape} answers against {b.shape} truths")
    return Measured(right=int((a == b).sum()), n=len(a))


def at_random_with(curve: Sequence[Point], labels: int) -> float | None:
    """What learning at random reached with so many labels, drawn straight between its points; None beyond them."""
    points = sorted(
        {
            (point.at_random_labels, point.at_random.share)
            for point in curve
            if point.at_random_labels is not None and point.at_random is not None and point.at_random.share is not None
        }
    )
    if not points or not points[0][0] <= labels <= points[-1][0]:
        return None
    return float(np.interp(labels, [at for at, _ in points], [share for _, share in points]))
