"""How likely a case should be to get a weighted spot check: more where an error is in doubt (Neyman 1934)."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

# of the mean: what confidence is sure of is still looked at, or errors there would never show
FLOOR = 0.2


def doubt(confidence: float) -> float:
    """√(q(1 − q)), q = 1 − confidence: the spread of right and wrong at this confidence."""
    return math.sqrt(max(0.0, confidence * (1.0 - confidence)))


def relative(confidence: float, mean_doubt: float) -> float:
    """How much likelier than usual a check of this case is, where the mean doubt is `mean_doubt`."""
    return max(FLOOR, doubt(confidence) / mean_doubt) if mean_doubt > 0.0 else 1.0


def chance(confidence: float, rate: float, mean_doubt: float) -> float:
    """The chance π of a weighted check: `rate` on average over cases whose mean doubt is `mean_doubt`; at most 1."""
    return min(1.0, rate * relative(confidence, mean_doubt))


def chances(confidence: ArrayLike, rate: float) -> NDArray[np.float64]:
    """The chance of each of many cases, averaging `rate` before the floor and the ceiling of 1."""
    c: NDArray[Any] = np.asarray(confidence, dtype=np.float64)
    spread = np.sqrt(np.maximum(0.0, c * (1.0 - c)))
    mean = float(spread.mean()) if spread.size else 0.0
    if mean <= 0.0:
        return np.full(c.shape, min(1.0, rate))
    return np.asarray(np.minimum(1.0, rate * np.maximum(FLOOR, spread / mean)), dtype=np.float64)
