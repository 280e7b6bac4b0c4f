"""A fitted calibrator: plain numbers, applied without any library of machine learning."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

from handrail.calibration.scores import (
    Floats,
    Scale,
    Score,
    confidence_logits,
    log_weights,
    read_scores,
    scalar_logit,
    sigmoid,
    sigmoids,
    top_logit,
)
from handrail.canonical import JSON, digest, dumps
from handrail.clock import from_iso, iso
from handrail.errors import InvalidInput

Method = Literal["temperature", "platt", "isotonic"]
METHODS: tuple[Method, ...] = ("temperature", "platt", "isotonic")
_NAMES: dict[str, tuple[str, ...]] = {"temperature": ("log_t",), "platt": ("a", "b"), "isotonic": ("x", "y")}

# the raw score keeps ranking inside a flat stretch, so that a capacity cut stays sharp
RANK = 1e-3


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibrator:
    """From a raw score to the calibrated chance that the answer is right.

    `apply` takes one score, `apply_many` many. Both raise `InvalidInput` for a score that is NaN, out of range, or of
    another shape than the calibrator was fitted on: such a proposal has no confidence.
    """

    method: Method
    # temperature: (ln T,); platt: (a, b); isotonic: empty
    numbers: tuple[float, ...] = ()
    # isotonic: knots over the raw confidence
    x: tuple[float, ...] = ()
    y: tuple[float, ...] = ()
    scale: Scale = "probability"
    # length of a score vector; 0 for scalar scores
    classes: int = 0
    # labels it was fitted on, and how many of them were right
    n: int
    right: int
    # smallest and largest raw confidence seen
    seen: tuple[float, float] = (0.0, 1.0)
    # microseconds since the epoch
    fitted_at: int
    # what it is for
    action: str | None = None
    # cross-fitted figures: {"log_loss": [raw, calibrated], "brier_loss": [raw, calibrated]}
    metrics: Mapping[str, Any] = field(default_factory=dict)

    def apply(self, score: Score) -> float:
        """The calibrated confidence of one score, strictly between 0 and 1."""
        sharpness = math.exp(-self.numbers[0]) if self.method == "temperature" else 1.0
        if isinstance(score, list | tuple | Mapping):
            log_w = log_weights(score, self.scale)
            if len(log_w) != self.classes:
                self._refuse_shape(len(log_w))
            x = top_logit(log_w, sharpness)
        else:
            x = scalar_logit(score, self.scale) * sharpness
            if self.classes:
                self._refuse_shape(0)
        if self.method == "temperature":
            return _open(sigmoid(x))
        if self.method == "platt":
            return _open(sigmoid(self.numbers[0] * x + self.numbers[1]))
        return self._interpolate(sigmoid(x))

    def apply_many(self, scores: Any) -> Floats:
        """The calibrated confidences of many scores (a sequence, or an array of one row a score)."""
        read = read_scores(scores, self.scale)
        if read.shape[0] and (read.shape[1] if read.ndim == 2 else 0) != self.classes:
            self._refuse_shape(read.shape[1] if read.ndim == 2 else 0)
        if self.method == "temperature":
            made = sigmoids(confidence_logits(read, math.exp(-self.numbers[0])))
        elif self.method == "platt":
            made = sigmoids(self.numbers[0] * confidence_logits(read) + self.numbers[1])
        else:
            raw = sigmoids(confidence_logits(read))
            return np.asarray((np.interp(raw, self.x, self.y) + RANK * raw) / (1.0 + RANK), dtype=np.float64)
        return np.clip(made, _LEAST, 1.0 - _LEAST)

    @property
    def digest(self) -> str:
        """SHA-256 of the canonical JSON: which calibrator, exactly."""
        return digest(dumps(self.to_json()))

    def to_json(self) -> dict[str, JSON]:
        """Plain JSON; `from_json` gives back an equal calibrator."""
        held: tuple[Any, ...] = (list(self.x), list(self.y)) if self.method == "isotonic" else self.numbers
        return {
            "v": 1,
            "kind": self.method,
            "parameters": dict(zip(_NAMES[self.method], held, strict=True)),
            "scale": self.scale,
            "classes": self.classes,
            "n": self.n,
            "right": self.right,
            "seen": list(self.seen),
            "fitted_at": iso(self.fitted_at),
            "action": self.action,
            "metrics": dict(self.metrics),
        }

    @classmethod
    def from_json(cls, data: JSON) -> Calibrator:
        """Read what `to_json` wrote. Raises `InvalidInput` for anything that is not a whole, sound calibrator."""
        try:
            made = cls._read(data)
        except (LookupError, TypeError, ValueError, AttributeError) as error:
            raise InvalidInput(f"this is not a calibrator: {type(error).__name__}: {error}") from None
        made._check()
        return made

    @classmethod
    def _read(cls, data: JSON) -> Calibrator:
        if data["v"] != 1:
            raise InvalidInput(f"calibrators of version {data['v']!r} are unknown here", remedy="Fit it again.")
        method, parameters = data["kind"], data["parameters"]
        names = _NAMES[method]
        if set(parameters) != set(names):
            raise InvalidInput(f"a {method} calibrator holds {', '.join(names)}")
        curve = method == "isotonic"
        return cls(
            method=method,
            numbers=() if curve else tuple(float(parameters[name]) for name in names),
            x=tuple(map(float, parameters["x"])) if curve else (),
            y=tuple(map(float, parameters["y"])) if curve else (),
            scale=data["scale"],
            classes=int(data["classes"]),
            n=int(data["n"]),
            right=int(data["right"]),
            seen=(float(data["seen"][0]), float(data["seen"][1])),
            fitted_at=from_iso(data["fitted_at"]),
            action=data.get("action"),
            metrics=dict(data.get("metrics") or {}),
        )

    def _check(self) -> None:
        if not all(map(math.isfinite, (*self.numbers, *self.x, *self.y))):
            raise InvalidInput("a calibrator holds NaN or an infinity")
        if self.scale not in {"probability", "logit"} or self.classes < 0 or self.classes == 1:
            raise InvalidInput(
                f"a calibrator reads probabilities or logits of 0 or 2 and more classes, not {self.classes}"
            )
        if self.method == "platt" and self.numbers[0] < 0.0:
            raise InvalidInput("a Platt slope below 0 would trust low scores most")
        if self.method == "isotonic" and not (
            len(self.x) == len(self.y) >= 1
            and all(a < b for a, b in zip(self.x, self.x[1:], strict=False))
            and all(a <= b for a, b in zip(self.y, self.y[1:], strict=False))
            and self.y[0] >= 0.0
            and self.y[-1] <= 1.0
        ):
            raise InvalidInput("an isotonic curve needs rising x, and y that never falls and stays in [0, 1]")

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

    def _refuse_shape(self, given: int) -> None:
        wants = f"vectors of {self.classes} classes" if self.classes else "scalar scores"
        got = f"a vector of {given}" if given else "a scalar"
        raise InvalidInput(
            f"this calibrator was fitted on {wants}, not on {got}", remedy="Fit a calibrator on scores of this shape."
        )


_LEAST = 1e-9


def _open(p: float) -> float:
    return min(max(p, _LEAST), 1.0 - _LEAST)
