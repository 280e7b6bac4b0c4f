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


def log_chances(score: Sequence[float] | Mapping[str, float], scale: Scale, names: tuple[str, ...] = ()) -> list[float]:
    """One vector as logarithms of its class probabilities, in the order of `names` where there are any.

    Raises `InvalidInput` for what is no vector of scores.
    """
    values = in_order(score, names) if isinstance(score, Mapping) else list(score)
    if len(values) < 2:
        raise InvalidInput(f"a score vector needs at least two classes, not {len(values)}")
    try:
        total = math.fsum(values)
    except TypeError:
        raise InvalidInput("a score vector may hold numbers only") from None
    if not math.isfinite(total):
        raise InvalidInput("a score vector holds NaN or an infinity")
    if scale == "logit":
        top = max(values)
        whole = top + math.log(math.fsum(math.exp(v - top) for v in values))
        return [v - whole for v in values]
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


def top_logit(log_p: Sequence[float]) -> float:
    """The logit of the largest class probability."""
    top = max(log_p)
    rest = math.fsum(math.exp(value - top) for value in log_p) - 1.0
    return -math.log(max(rest, EDGE))


def in_order(score: Mapping[str, float], names: tuple[str, ...]) -> list[float]:
    """The values of a vector by class name. Raises `InvalidInput` when its classes are not `names`."""
    if names and score.keys() != set(names):
        raise InvalidInput(f"a score names {_few(score)}, where the classes are {_few(names)}")
    return [score[name] for name in (names or sorted(score))]


def names_of(scores: Any) -> tuple[str, ...]:
    """The classes that scores by name speak of, sorted; empty for numbers and bare vectors."""
    first = next(iter(scores), None) if not isinstance(scores, np.ndarray) else None
    return tuple(sorted(map(str, first))) if isinstance(first, Mapping) else ()


def read_scores(scores: Any, scale: Scale, names: tuple[str, ...] = ()) -> Floats:
    """Many scores as one array: scalars as logits (n,), vectors as log probabilities (n, classes).

    Vectors by name stand in the order of `names`, sorted where none are given. Raises `InvalidInput` naming the first
    bad score.
    """
    rows = scores if isinstance(scores, np.ndarray) else list(scores)
    if isinstance(rows, list) and any(isinstance(row, Mapping) for row in rows):
        names = names or names_of(row for row in rows if isinstance(row, Mapping))
        rows = [_named(row, names, i, len(rows)) for i, row in enumerate(rows)]
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
    if scale == "logit":
        shifted = array - array.max(axis=1, keepdims=True)
        return np.asarray(shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True)), dtype=np.float64)
    return np.asarray(np.log(np.maximum(array, EDGE)), dtype=np.float64)


def confidence_logits(read: Floats) -> Floats:
    """What `read_scores` gave, as one logit each: the score's own, or its top class's."""
    if read.ndim == 1:
        return read
    rest = np.exp(read - read.max(axis=1, keepdims=True)).sum(axis=1) - 1.0
    return np.asarray(-np.log(np.maximum(rest, EDGE)), dtype=np.float64)


def softmax(z: Floats) -> Floats:
    """e^z over its sum, row by row."""
    e = np.exp(z - z.max(axis=1, keepdims=True))
    return np.asarray(e / e.sum(axis=1, keepdims=True), dtype=np.float64)


def _named(row: Any, names: tuple[str, ...], at: int, n: int) -> list[float]:
    if not isinstance(row, Mapping):
        raise InvalidInput(f"score {at} of {n} does not name its classes, as others do")
    if row.keys() != set(names):
        raise InvalidInput(f"score {at} of {n} names other classes than {_few(names)}")
    return [row[name] for name in names]


def _few(names: Any) -> str:
    shown = list(map(str, names))
    return ", ".join(shown[:5]) + (f" and {len(shown) - 5} more" if len(shown) > 5 else "")


def _refuse(found: Any, why: str) -> None:
    bad = np.asarray(found)
    if bad.any():
        raise InvalidInput(f"score {int(np.argmax(bad))} of {bad.size} {why}")
