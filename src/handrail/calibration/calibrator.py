"""A fitted calibrator: plain numbers, applied without any library of machine learning."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from handrail.calibration.methods import Fitted, Method
from handrail.calibration.scores import (
    Floats,
    Scale,
    log_chances,
    scalar_logit,
    sigmoid,
    top_logit,
)
from handrail.calibration.sources import SOURCES, Source, read_many, scored
from handrail.canonical import JSON, digest, dumps
from handrail.clock import from_iso, iso
from handrail.errors import InvalidInput


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibrator:
    """From a raw score to the calibrated chance that the answer is right.

    `apply` takes one score, `apply_many` many. All methods raise `InvalidInput` for a score that is NaN, out of range,
    or of another shape than the calibrator was fitted on: such a proposal has no confidence.
    """

    fitted: Fitted
    scale: Scale = "probability"
    # what the raw scores are (see `sources`)
    source: Source = "score"
    # length of a score vector, 0 for scalar scores; the class names in order, where they are known
    classes: int = 0
    names: tuple[str, ...] = ()
    # labels it was fitted on, and how many of them were right
    n: int
    right: int
    # labels of other actions that it leans on; 0: fitted on its own action's alone
    borrowed: int = 0
    # smallest and largest raw confidence seen
    seen: tuple[float, float] = (0.0, 1.0)
    # microseconds since the epoch
    fitted_at: int
    # first and last label, in microseconds; None where the labels have no times
    period: tuple[int, int] | None = None
    # what it is for; which version of the model
    action: str | None = None
    model: str | None = None
    # cross-fitted: {"log_loss": [raw, calibrated], "brier_loss": [raw, calibrated], "before" and "after": every figure
    # of `quality`, "tried": {method: log loss}, "left_out": {method: why}}
    metrics: Mapping[str, Any] = field(default_factory=dict)

    @property
    def method(self) -> Method:
        """Which of `methods.METHODS`."""
        return self.fitted.method

    def apply(self, score: Any, answer: str | int | None = None) -> float:
        """The calibrated confidence, strictly between 0 and 1, that `answer` is right.

        `answer`: a class by name or place; the one scored highest where none is given.
        """
        read = self._read_one(score, answer)
        if isinstance(read, float):
            return self.fitted.level(read)
        chances = self.fitted.chances(read)
        return chances[max(range(len(read)), key=read.__getitem__) if answer is None else self._place(answer)]

    def apply_many(self, scores: Any) -> Floats:
        """The calibrated confidences of many scores (a sequence, or an array of one row a score), each in the answer
        that its score puts first.
        """
        read = self._read_many(scores)
        return self.fitted.top_many(read) if len(read) else np.empty(0)

    def chances(self, score: Any) -> dict[str, float]:
        """The calibrated chance of every class, by name (by place where names are unknown), of one score vector."""
        read = self._read_one(score, None)
        if isinstance(read, float):
            raise InvalidInput("a scalar score speaks of one answer, not of every class", remedy="Send a score vector.")
        return dict(zip(self.names or map(str, range(self.classes)), self.fitted.chances(read), strict=True))

    def chances_many(self, scores: Any) -> Floats:
        """The calibrated chances of many score vectors, (n, classes) in the order of `names`; rows sum to 1."""
        read = self._read_many(scores)
        if read.ndim == 1:
            raise InvalidInput("scalar scores speak of one answer, not of every class", remedy="Send score vectors.")
        return self.fitted.chances_many(read)

    def raw_confidence(self, score: Any) -> float:
        """The confidence of one score before calibration, to be compared with `seen`."""
        read = self._read_one(score, None)
        return sigmoid(read if isinstance(read, float) else top_logit(read))

    @property
    def digest(self) -> str:
        """SHA-256 of the canonical JSON: which calibrator, exactly."""
        return digest(dumps(self.to_json()))

    def to_json(self) -> dict[str, JSON]:
        """Plain JSON; `from_json` gives back an equal calibrator."""
        made: dict[str, JSON] = {
            "v": 1,
            "kind": self.method,
            "parameters": self.fitted.parameters(),
            "scale": self.scale,
            "source": self.source,
            "classes": list(self.names) if self.names else self.classes,
            "n": self.n,
            "right": self.right,
            "seen": list(self.seen),
            "fitted_at": iso(self.fitted_at),
            "from": None if self.period is None else iso(self.period[0]),
            "to": None if self.period is None else iso(self.period[1]),
            "action": self.action,
            "model": self.model,
            "metrics": dict(self.metrics),
        }
        return made | ({"borrowed": self.borrowed} if self.borrowed else {})

    @classmethod
    def from_json(cls, data: JSON) -> Calibrator:
        """Read what `to_json` wrote. Raises `InvalidInput` for anything that is not a whole, sound calibrator."""
        try:
            made = cls._from_json(data)
        except (LookupError, TypeError, ValueError, AttributeError) as error:
            raise InvalidInput(f"this is not a calibrator: {type(error).__name__}: {error}") from None
        made._check()
        return made

    @classmethod
    def _from_json(cls, data: JSON) -> Calibrator:
        if data["v"] != 1:
            raise InvalidInput(f"calibrators of version {data['v']!r} are unknown here", remedy="Fit it again.")
        classes = data["classes"]
        names = tuple(map(str, classes)) if isinstance(classes, list) else ()
        times = data.get("from"), data.get("to")
        return cls(
            fitted=Fitted.read(data["kind"], data["parameters"]),
            scale=data["scale"],
            source=data.get("source", "score"),
            classes=len(names) if names else int(classes),
            names=names,
            n=int(data["n"]),
            right=int(data["right"]),
            borrowed=int(data.get("borrowed", 0)),
            seen=(float(data["seen"][0]), float(data["seen"][1])),
            fitted_at=from_iso(data["fitted_at"]),
            period=None if None in times else (from_iso(times[0]), from_iso(times[1])),
            action=data.get("action"),
            model=data.get("model"),
            metrics=dict(data.get("metrics") or {}),
        )

    def _check(self) -> None:
        if self.scale not in {"probability", "logit"} or self.classes < 0 or self.classes == 1:
            raise InvalidInput(
                f"a calibrator reads probabilities or logits of 0 or 2 and more classes, not {self.classes}"
            )
        if self.source not in SOURCES:
            raise InvalidInput(f"no source of scores is called {self.source!r}", remedy=f"Choose {', '.join(SOURCES)}.")
        if len(set(self.names)) != len(self.names):
            raise InvalidInput("a calibrator names a class twice")
        if self.method == "vector" and len(self.fitted.x) != self.classes:
            raise InvalidInput(f"vector scaling of {self.classes} classes needs as many weights")

    def _read_one(self, score: Any, answer: str | int | None) -> float | list[float]:
        name = self.names[answer] if isinstance(answer, int) and self.names else answer
        score, scale = scored(score, self.source, self.scale, name if isinstance(name, str) else None)
        if isinstance(score, list | tuple | Mapping):
            read = log_chances(score, scale, self.names)
            if len(read) != self.classes:
                self._refuse_shape(len(read))
            return read
        x = scalar_logit(score, scale)
        if self.classes:
            self._refuse_shape(0)
        return x

    def _read_many(self, scores: Any) -> Floats:
        read, _ = read_many(scores, self.source, self.scale, self.names)
        given = read.shape[1] if read.ndim == 2 else 0
        if read.shape[0] and given != self.classes:
            self._refuse_shape(given)
        return read

    def _place(self, answer: str | int) -> int:
        known: Sequence[Any] = self.names if isinstance(answer, str) else range(self.classes)
        if answer not in known:
            raise InvalidInput(f"this calibrator knows no class {answer!r}", remedy="Fit it on scores that name it.")
        return known.index(answer)

    def _refuse_shape(self, given: int) -> None:
        wants = f"vectors of {self.classes} classes" if self.classes else "scalar scores"
        got = f"a vector of {given}" if given else "a scalar"
        raise InvalidInput(
            f"this calibrator was fitted on {wants}, not on {got}", remedy="Fit a calibrator on scores of this shape."
        )
