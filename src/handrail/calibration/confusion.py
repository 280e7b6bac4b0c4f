"""How reviewers err: the chance of each answer given each truth, from cases whose truth is known.

A row a truth, a column an answer. The prior is worth ten cases a truth, nine of them answered rightly; counts come from
golds, outcomes and settled cases. Plain JSON when fitted, applied with numpy alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from handrail.canonical import JSON, digest, dumps
from handrail.errors import InvalidInput

Floats = NDArray[np.float64]

# the truths of a proposal that is either right or wrong; the answers are then approve and reject
RIGHT_OR_WRONG = ("right", "wrong")
PRIOR_CASES, PRIOR_RIGHT = 10.0, 0.9
# a single reviewer's own rows say something from here on; below, the queue's are taken
LEAST_ALONE = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Confusion:
    """P(answer | truth) with the labels it rests on.

    `slope` is what the computed value of asking is multiplied by (`value.slope`): people err where the model errs.
    """

    classes: tuple[str, ...] = RIGHT_OR_WRONG
    # counts[truth][answer], without the prior
    counts: tuple[tuple[float, ...], ...]
    slope: float = 1.0
    # reviewed cases the slope was fitted on; 0: it is assumed
    slope_n: int = 0

    def __post_init__(self) -> None:
        k = len(self.classes)
        table = np.asarray(self.counts, dtype=np.float64)
        if k < 2 or len(set(self.classes)) != k or table.shape != (k, k):
            raise InvalidInput(f"a reviewer's table has a row and a column for each of its {k} classes")
        if not np.isfinite(table).all() or (table < 0.0).any():
            raise InvalidInput("a reviewer's counts are finite and not negative")
        if not (np.isfinite(self.slope) and self.slope >= 0.0):
            raise InvalidInput("the slope of the value of asking is finite and not negative")

    @property
    def matrix(self) -> Floats:
        """P(answer | truth), the prior included; rows sum to 1."""
        table = np.asarray(self.counts, dtype=np.float64) + prior(len(self.classes))
        return np.asarray(table / table.sum(axis=1, keepdims=True), dtype=np.float64)

    @property
    def n(self) -> int:
        """Labelled cases it rests on."""
        return int(np.asarray(self.counts).sum())

    @property
    def digest(self) -> str:
        """SHA-256 of the canonical JSON."""
        return digest(dumps(self.to_json()))

    def to_json(self) -> dict[str, JSON]:
        """Plain JSON; `from_json` gives back an equal one. `matrix` is there to be read, `counts` is what counts."""
        return {
            "v": 1, "kind": "reviewer", "classes": list(self.classes), "counts": [list(row) for row in self.counts],
            "matrix": [[round(float(p), 6) for p in row] for row in self.matrix], "n": self.n,
            "slope": self.slope, "slope_n": self.slope_n,
        }  # fmt: skip

    @classmethod
    def from_json(cls, data: JSON) -> Confusion:
        """Read what `to_json` wrote. Raises `InvalidInput` for anything else."""
        try:
            if data["v"] != 1 or data["kind"] != "reviewer":
                raise InvalidInput("this is not a reviewer's table of version 1")
            return cls(
                classes=tuple(str(name) for name in data["classes"]),
                counts=tuple(tuple(float(count) for count in row) for row in data["counts"]),
                slope=float(data.get("slope", 1.0)),
                slope_n=int(data.get("slope_n", 0)),
            )
        except (LookupError, TypeError, ValueError, AttributeError) as error:
            raise InvalidInput(f"this is not a reviewer's table: {type(error).__name__}: {error}") from None


def prior(classes: int) -> Floats:
    """What stands in each row before any case is counted: ten cases, nine of them right."""
    table = np.full((classes, classes), PRIOR_CASES * (1.0 - PRIOR_RIGHT) / (classes - 1))
    np.fill_diagonal(table, PRIOR_CASES * PRIOR_RIGHT)
    return table


def assumed(classes: Sequence[str] = RIGHT_OR_WRONG) -> Confusion:
    """The prior alone: nothing is known of the reviewers yet."""
    zeros = tuple(tuple(0.0 for _ in classes) for _ in classes)
    return Confusion(classes=tuple(classes), counts=zeros)


def learn_confusion(truth: Any, answers: Any, classes: Sequence[str] = RIGHT_OR_WRONG) -> Confusion:
    """Count (truth, answer) pairs, given as numbers of classes. No pair at all leaves the prior."""
    y, h = _codes(truth, len(classes), "truth"), _codes(answers, len(classes), "answer")
    if y.shape != h.shape:
        raise InvalidInput(f"as many truths as answers are needed, not {y.size} and {h.size}")
    table = np.zeros((len(classes), len(classes)))
    np.add.at(table, (y, h), 1.0)
    return Confusion(classes=tuple(classes), counts=tuple(tuple(row) for row in table.tolist()))


def _codes(given: Any, classes: int, what: str) -> NDArray[np.intp]:
    try:
        read = np.asarray(given, dtype=np.float64)
    except (TypeError, ValueError):
        raise InvalidInput(f"each {what} is the number of a class") from None
    if read.ndim != 1 or not np.isin(read, np.arange(classes)).all():
        raise InvalidInput(f"each {what} is a number of a class from 0 to {classes - 1}")
    return read.astype(np.intp)
