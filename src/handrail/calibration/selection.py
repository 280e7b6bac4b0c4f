"""Weaker promises than a certified threshold, each under its own name.

`select` is conformal selection (Jin and Candès, 2023, "Selection by prediction with conformal p-values"): which of a
batch to let through so that, ON AVERAGE over draws of labels and batches, at most the target share of what is let
through is wrong. It works from few labels: for a cold start and for batches.

`control_risk` is conformal risk control (Angelopoulos, Bates, Fisch, Lei, Schuster, 2024): errors per case HANDLED, let
through or not, on average. At 2 % of all cases the error among what is let through is larger: never show one as the
other.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from handrail.errors import InvalidInput, NotEnoughEvidence


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """What may be let through of one batch."""

    # let through at or above this confidence; None: nothing
    value: float | None
    # one flag a row of the batch
    chosen: NDArray[np.bool_]
    target_error: float
    # labels behind it, and how many of the wrong ones scored at or above the cut
    n: int
    errors: int
    # estimated error among the chosen: m · (1 + errors)/((n + 1) · k); 1 when nothing is chosen
    estimate: float


def select(confidence: Any, correct: Any, batch: Any, target_error: float) -> Selection:
    """The most of `batch` (confidences) such that the mean error among them is at most `target_error`.

    `confidence`, `correct`: labelled cases drawn uniformly from the same stream. Raises `NotEnoughEvidence` when even
    flawless labels could let nothing through.
    """
    c, wrong = _labelled(confidence, correct)
    b = np.asarray(batch, dtype=np.float64)
    if b.ndim != 1 or not b.size or not ((b >= 0.0) & (b <= 1.0)).all():
        raise InvalidInput("a batch is one or more confidences in [0, 1]")
    _need_target(target_error)
    n, m = len(c), len(b)
    least = int(np.ceil(1.0 / target_error)) - 1
    if n < least:
        raise NotEnoughEvidence(f"not enough evidence yet ({n} of {least} labels)", have=n, need=least)
    ranked = -np.sort(-b)
    bad = np.sort(c[wrong])
    # rows of the batch, and labelled errors, at or above each candidate
    k = np.searchsorted(-ranked, -ranked, side="right")
    above = len(bad) - np.searchsorted(bad, ranked, side="left")
    estimate = m * (1.0 + above) / ((n + 1.0) * k)
    passing = np.flatnonzero(estimate <= target_error)
    if not passing.size:
        return Selection(
            value=None, chosen=np.zeros(m, dtype=bool), target_error=target_error, n=n, errors=0, estimate=1.0
        )
    last = int(passing[-1])
    cut = float(ranked[last])
    return Selection(
        value=cut, chosen=b >= cut, target_error=target_error, n=n, errors=int(above[last]),
        estimate=float(estimate[last]),
    )  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class RiskControl:
    """A cut with a promise about errors per case handled, not about what is let through."""

    value: float | None
    # errors let through per case handled, on average, at most
    target_errors_per_case: float
    n: int
    # measured on the labels: errors per case handled, and error among what would be let through
    errors_per_case: float
    error_among_let_through: float


def control_risk(confidence: Any, correct: Any, target_errors_per_case: float) -> RiskControl:
    """The lowest cut at which (errors at or above it + 1)/(n + 1) stays within the target."""
    c, wrong = _labelled(confidence, correct)
    _need_target(target_errors_per_case)
    n = len(c)
    least = int(np.ceil(1.0 / target_errors_per_case)) - 1
    if n < least:
        raise NotEnoughEvidence(f"not enough evidence yet ({n} of {least} labels)", have=n, need=least)
    ranked = -np.sort(-c)
    bad = np.sort(c[wrong])
    above = len(bad) - np.searchsorted(bad, ranked, side="left")
    passing = np.flatnonzero((above + 1.0) / (n + 1.0) <= target_errors_per_case)
    if not passing.size:
        return RiskControl(
            value=None, target_errors_per_case=target_errors_per_case, n=n, errors_per_case=0.0,
            error_among_let_through=0.0,
        )  # fmt: skip
    cut, errors = float(ranked[passing[-1]]), float(above[passing[-1]])
    return RiskControl(
        value=cut, target_errors_per_case=target_errors_per_case, n=n, errors_per_case=errors / n,
        error_among_let_through=errors / float((c >= cut).sum()),
    )  # fmt: skip


def _labelled(confidence: Any, correct: Any) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    c, z = np.asarray(confidence, dtype=np.float64), np.asarray(correct, dtype=np.float64)
    if c.shape != z.shape or c.ndim != 1:
        raise InvalidInput(f"as many confidences as answers are needed, not {c.size} and {z.size}")
    if not ((c >= 0.0) & (c <= 1.0)).all():
        raise InvalidInput("a confidence is NaN or lies outside [0, 1]")
    if not np.isin(z, (0.0, 1.0)).all():
        raise InvalidInput("each answer must say right (true) or wrong (false)")
    return c, z == 0.0


def _need_target(target: float) -> None:
    if not 0.0 < target < 1.0:
        raise InvalidInput("the target error lies strictly between 0 and 1")
