"""Raw scores: what a model may hand over, and the one number each comes down to.

A score is a probability, a logit, or a vector of either with one entry per class (a list, or an object by class name).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from handrail.errors import InvalidInput

Scale = Literal["probability", "logit"]
Score = float | Sequence[float] | Mapping[str, float]
Floats = NDArray[np.float64]

# scores of exactly 0 and 1 are common (self-ratings) and have no logit
EDGE = 1e-6
SUM_TOLERANCE = 1e-3


def logit(p: float) -> float:
    """ln(p / (1 − p)), with p kept off 0 and 1 by `EDGE`."""
    p = min(max(p, EDGE), 1.0 - EDGE)
    return math.log(p / (1.0 - p))


def logits(p: Floats) -> Floats:
    """`logit` for an array."""
    p = np.clip(p, EDGE, 1.0 - EDGE)
    return np.asarray(np.log(p / (1.0 - p)), dtype=np.float64)


def sigmoid(x: float) -> float:
    """1 / (1 + e^−x) without overflow."""
    if x >= 0.0:
        return 1.0 / (1.0 + math.exp(-x))
    e = math.exp(x)
    return e / (1.0 + e)


def sigmoids(x: Floats) -> Floats:
    """`sigmoid` for an array."""
    e = np.exp(-np.abs(x))
    return np.asarray(np.where(x >= 0, 1.0, e) / (1.0 + e), dtype=np.float64)


def log_weights(score: Sequence[float] | Mapping[str, float], scale: Scale) -> list[float]:
    """One vector as logarithms of its class weights. Raises `InvalidInput` for what is no vector of scores."""
    values = list(score.values()) if isinstance(score, Mapping) else list(score)
    if len(values) < 2:
        raise InvalidInput(f"a score vector needs at least two classes, not {len(values)}")
    try:
        total = math.fsum(values)
    except TypeError:
        raise InvalidInput("a score vector may hold numbers only") from None
    if not math.isfinite(total):
        raise InvalidInput("a score vector holds NaN or an infinity")
    if scale == "logit":
        return [float(v) for v in values]
    if min(values) < 0.0 or abs(total - 1.0) > SUM_TOLERANCE:
        raise InvalidInput(
            f"class probabilities must lie in [0, 1] and sum to 1, not {total:.4g}",
            remedy="Send probabilities that sum to 1, or fit the calibrator with scale='logit'.",
        )
    return [math.log(max(v, EDGE)) for v in values]


def scalar_logit(score: Any, scale: Scale) -> float:
    """One scalar score as a logit. Raises `InvalidInput` for NaN, infinities and probabilities outside [0, 1]."""
    if isinstance(score, bool) or not isinstance(score, int | float):
        raise InvalidInput(f"a score must be a number or a vector of numbers, not {type(score).__name__}")
    if scale == "logit":
        if not math.isfinite(score):
            raise InvalidInput(f"a score must be finite, not {score}")
        return float(score)
    if not 0.0 <= score <= 1.0:  # also refuses NaN
        raise InvalidInput(f"a score must lie between 0 and 1, not {score}")
    return logit(score)


def top_logit(log_w: Sequence[float], sharpness: float = 1.0) -> float:
    """The logit of the largest class probability after softmax(`sharpness` · log_w)."""
    top = max(log_w)
    rest = -1.0
    for value in log_w:
        rest += math.exp(sharpness * (value - top))
    return -math.log(max(rest, EDGE))


def read_scores(scores: Any, scale: Scale) -> Floats:
    """Many scores as one array: scalars as logits (n,), vectors as log weights (n, classes).

    Raises `InvalidInput` naming the first bad score.
    """
    rows = scores if isinstance(scores, np.ndarray) else list(scores)
    if isinstance(rows, list) and rows and isinstance(rows[0], Mapping):
        names = sorted(rows[0])
        rows = [[row[name] for name in names] if sorted(row) == names else _uneven(i) for i, row in enumerate(rows)]
    try:
        array = np.asarray(rows, dtype=np.float64)
    except (ValueError, TypeError):
        raise InvalidInput("scores must be numbers, or vectors of numbers of one length") from None
    if array.ndim not in {1, 2} or (array.ndim == 2 and array.shape[1] < 2):
        raise InvalidInput(f"scores must be numbers or vectors of at least two classes, not shape {array.shape}")
    finite = np.isfinite(array) if array.ndim == 1 else np.isfinite(array).all(axis=1)
    _refuse(~finite, "is NaN or infinite")
    if scale == "probability":
        low, high = array.min(initial=0.0), array.max(initial=1.0)
        if low < 0.0 or high > 1.0:
            outside = (array < 0) | (array > 1)
            _refuse(outside if array.ndim == 1 else outside.any(axis=1), "lies outside [0, 1]")
        if array.ndim == 2:
            _refuse(np.abs(array.sum(axis=1) - 1.0) > SUM_TOLERANCE, "does not sum to 1")
    if array.ndim == 1:
        return array if scale == "logit" else logits(array)
    return array if scale == "logit" else np.asarray(np.log(np.maximum(array, EDGE)), dtype=np.float64)


def confidence_logits(read: Floats, sharpness: float = 1.0) -> Floats:
    """What `read_scores` gave, as one logit each: the score's own, or its top class's in softmax(`sharpness` · row)."""
    if read.ndim == 1:
        return read * sharpness
    shifted = sharpness * (read - read.max(axis=1, keepdims=True))
    rest = np.exp(shifted).sum(axis=1) - 1.0
    return np.asarray(-np.log(np.maximum(rest, EDGE)), dtype=np.float64)


def _uneven(row: int) -> Any:
    raise InvalidInput(f"score {row} names other classes than score 0")


def _refuse(found: Any, why: str) -> None:
    bad = np.asarray(found)
    if bad.any():
        raise InvalidInput(f"score {int(np.argmax(bad))} of {bad.size} {why}")
