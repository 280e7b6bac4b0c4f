"""What each method of calibration makes of a score, from its fitted numbers alone."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from handrail.calibration.scores import Floats, confidence_logits, sigmoid, sigmoids, softmax, top_logit
from handrail.canonical import JSON
from handrail.errors import InvalidInput

Method = Literal["temperature", "temperature_mix", "platt", "beta", "vector", "isotonic"]
METHODS: tuple[Method, ...] = ("temperature", "temperature_mix", "platt", "beta", "vector", "isotonic")
# those that change every class's chance; the others know the top answer's alone
WHOLE = frozenset({"temperature", "temperature_mix", "vector"})
# those that cannot be fitted on scalar scores
NEED_VECTORS = frozenset({"temperature_mix", "vector"})
_NAMES: dict[str, tuple[str, ...]] = {
    "temperature": ("log_t",),
    "temperature_mix": ("log_t", "share"),
    "platt": ("a", "b"),
    "beta": ("a", "b", "d"),
    "vector": ("w", "b"),
    "isotonic": ("x", "y"),
}

# the raw score keeps ranking inside a flat stretch, so that a capacity cut stays sharp
RANK = 1e-3
LEAST = 1e-9


@dataclass(frozen=True, slots=True, kw_only=True)
class Fitted:
    """A method and its numbers. Scores come as `scores.log_chances` (one) and `scores.read_scores` (many) give them."""

    method: Method
    # temperature: (ln T,), with a mix (ln T, share of the uniform); platt (a, b); beta (a, b, d)
    numbers: tuple[float, ...] = ()
    # isotonic: knots over the raw confidence; vector: a weight and a shift for each class
    x: tuple[float, ...] = ()
    y: tuple[float, ...] = ()

    def level(self, x: float) -> float:
        """The confidence for one logit of a raw confidence."""
        n = self.numbers
        if self.method == "temperature":
            return _open(sigmoid(x * math.exp(-n[0])))
        if self.method == "platt":
            return _open(sigmoid(n[0] * x + n[1]))
        if self.method == "beta":
            return _open(sigmoid(n[0] * _log_chance(x) - n[1] * _log_chance(-x) + n[2]))
        return self._interpolate(sigmoid(x))

    def levels(self, x: Floats) -> Floats:
        """`level` for many."""
        n = self.numbers
        if self.method == "temperature":
            return _opened(sigmoids(x * math.exp(-n[0])))
        if self.method == "platt":
            return _opened(sigmoids(n[0] * x + n[1]))
        if self.method == "beta":
            return _opened(sigmoids(n[1] * np.logaddexp(0.0, x) - n[0] * np.logaddexp(0.0, -x) + n[2]))
        raw = sigmoids(x)
        return np.asarray((np.interp(raw, self.x, self.y) + RANK * raw) / (1.0 + RANK), dtype=np.float64)

    def chances(self, log_p: Sequence[float]) -> list[float]:
        """The chance of every class for one vector. A method that knows the top answer alone shares out the rest."""
        if self.method in WHOLE:
            z = self._shaped(log_p)
            highest = max(z)
            e = [math.exp(value - highest) for value in z]
            whole = math.fsum(e)
            share = self.numbers[1] if self.method == "temperature_mix" else 0.0
            return [_open((1.0 - share) * value / whole + share / len(e)) for value in e]
        top = max(range(len(log_p)), key=log_p.__getitem__)
        c, p = self.level(top_logit(log_p)), [math.exp(value) for value in log_p]
        rest = math.fsum(p) - p[top]
        return [_open(c if at == top else (1.0 - c) * value / rest) for at, value in enumerate(p)]

    def chances_many(self, read: Floats) -> Floats:
        """`chances` for many vectors, (n, classes)."""
        if self.method == "vector":
            return _opened(softmax(read * np.array(self.x) + np.array(self.y)))
        if self.method in WHOLE:
            share = self.numbers[1] if self.method == "temperature_mix" else 0.0
            return _opened((1.0 - share) * softmax(read * math.exp(-self.numbers[0])) + share / read.shape[1])
        rows, top = np.arange(len(read)), read.argmax(axis=1)
        c, p = self.levels(confidence_logits(read)), np.exp(read)
        p[rows, top] = 0.0
        p *= ((1.0 - c) / p.sum(axis=1))[:, None]
        p[rows, top] = c
        return _opened(p)

    def top_many(self, read: Floats) -> Floats:
        """The chance that the answer scored highest is right, for many scores of either shape."""
        if read.ndim == 1 or self.method not in WHOLE:
            return self.levels(confidence_logits(read))
        return np.asarray(self.chances_many(read)[np.arange(len(read)), read.argmax(axis=1)])

    def parameters(self) -> dict[str, JSON]:
        """The numbers by name."""
        held: tuple[Any, ...] = (list(self.x), list(self.y)) if self.x else self.numbers
        return dict(zip(_NAMES[self.method], held, strict=True))

    @classmethod
    def read(cls, method: Any, parameters: Any) -> Fitted:
        """What `parameters` wrote. Raises `InvalidInput` for numbers that cannot be a fit of this method."""
        if method not in _NAMES:
            raise InvalidInput(f"no calibrator is called {method!r}", remedy=f"Choose {', '.join(METHODS)}.")
        names = _NAMES[method]
        if set(parameters) != set(names):
            raise InvalidInput(f"a {method} calibrator holds {', '.join(names)}")
        if method in ("vector", "isotonic"):
            x, y = (tuple(map(float, parameters[name])) for name in names)
            made = cls(method=method, x=x, y=y)
        else:
            made = cls(method=method, numbers=tuple(float(parameters[name]) for name in names))
        made._check()
        return made

    def _check(self) -> None:
        if not all(map(math.isfinite, (*self.numbers, *self.x, *self.y))):
            raise InvalidInput("a calibrator holds NaN or an infinity")
        if self.method in ("platt", "beta") and min(self.numbers[:-1]) < 0.0:
            raise InvalidInput(f"a {self.method} slope below 0 would trust low scores most")
        if self.method == "temperature_mix" and not 0.0 <= self.numbers[1] < 1.0:
            raise InvalidInput("the share of the uniform mix lies between 0 and 1")
        if self.method == "vector" and (len(self.x) != len(self.y) or len(self.x) < 2 or min(self.x) < 0.0):
            raise InvalidInput(
                "vector scaling needs a weight of at least 0 and a shift for each of two or more classes"
            )
        if self.method == "isotonic" and not (
            len(self.x) == len(self.y) >= 1
            and all(a < b for a, b in zip(self.x, self.x[1:], strict=False))
            and all(a <= b for a, b in zip(self.y, self.y[1:], strict=False))
            and self.y[0] >= 0.0
            and self.y[-1] <= 1.0
        ):
            raise InvalidInput("an isotonic curve needs rising x, and y that never falls and stays in [0, 1]")

    def _shaped(self, log_p: Sequence[float]) -> list[float]:
        if self.method == "vector":
            return [w * value + b for w, value, b in zip(self.x, log_p, self.y, strict=True)]
        sharpness = math.exp(-self.numbers[0])
        return [sharpness * value for value in log_p]

    def _interpolate(self, raw: float) -> float:
        at = bisect_right(self.x, raw)
        if at == 0:
            level = self.y[0]
        elif at == len(self.x):
            level = self.y[-1]
        else:
            left, right = self.x[at - 1], self.x[at]
            low, high = self.y[at - 1], self.y[at]
            level = low + (high - low) * (raw - left) / (right - left)
        return (level + RANK * raw) / (1.0 + RANK)


def _log_chance(x: float) -> float:
    """ln σ(x)."""
    return -math.log1p(math.exp(-x)) if x >= 0.0 else x - math.log1p(math.exp(x))


def _open(p: float) -> float:
    return min(max(p, LEAST), 1.0 - LEAST)


def _opened(p: Floats) -> Floats:
    return np.asarray(np.clip(p, LEAST, 1.0 - LEAST), dtype=np.float64)
