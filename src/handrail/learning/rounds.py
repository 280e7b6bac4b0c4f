"""Rounds of learning: what a round let through, what it asked, and whether the next one needs to ask less."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from handrail.errors import InvalidInput


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """The figures of one round, as the operations chart shows them."""

    round: int
    proposals: int
    # how many a person was asked about, and their share
    reviewed: int
    review_rate: float
    # share of wrong answers of the model alone on held-out cases; None when nothing was held out
    model_error: float | None
    # share of wrong answers among what went through unasked; None when nothing did
    passed_error: float | None


def run_round(
    number: int, *, confidence: Any, right: Any, threshold: float | None, held_out_right: Any = None
) -> Round:
    """Figures of one round in which `confidence` ≥ `threshold` went through unasked; None: everything is asked.

    `right` says whether each proposal was right, as known afterwards.
    """
    c, z = np.asarray(confidence, dtype=np.float64), np.asarray(right, dtype=bool)
    if c.shape != z.shape or c.ndim != 1 or not len(c):
        raise InvalidInput("a round needs as many confidences as answers, and at least one")
    # NaN is never let through
    passed = np.zeros(len(c), dtype=bool) if threshold is None else c >= threshold
    held = None if held_out_right is None else np.asarray(held_out_right, dtype=bool)
    return Round(
        round=number,
        proposals=len(c),
        reviewed=int((~passed).sum()),
        review_rate=float((~passed).mean()),
        model_error=None if held is None or not len(held) else float((~held).mean()),
        passed_error=float((~z[passed]).mean()) if passed.any() else None,
    )
