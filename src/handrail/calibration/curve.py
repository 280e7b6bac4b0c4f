"""Cost against confidence: what each cut would have cost on labelled cases, and the cheapest cuts, in one sorted pass.

The cost of a cut is piecewise constant between confidences, so no search is needed. Cases are let through at or above
the upper cut, looked at afterwards (`soft_review`) at or above the lower one, and before (`hard_gate`) below it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from handrail.calibration.confusion import Confusion, assumed
from handrail.calibration.value import Costs
from handrail.errors import InvalidInput, NotEnoughEvidence

Floats = NDArray[np.float64]

LEAST = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """One cut: let through at or above `confidence`, ask below. Costs per 100 cases."""

    # above 1: nothing is let through
    confidence: float
    # share let through, and the share of those that was wrong (0 where none is)
    automation: float
    error: float
    # what errors that were let through cost
    let_through: float
    # price and delay of reviews
    reviews: float
    # what the reviewers' own errors cost
    missed: float

    @property
    def cost(self) -> float:
        return self.let_through + self.reviews + self.missed


@dataclass(frozen=True, slots=True, kw_only=True)
class Cuts:
    """The two cheapest cuts, and what they would have cost per 100 of these cases."""

    # None: no case is let through, or looked at afterwards
    auto_approve: float | None
    soft_review: float | None
    cost: float
    # the same cases under: everything asked, nothing asked
    review_all: float
    approve_all: float
    n: int


def cost_curve(confidence: Any, correct: Any, costs: Costs, confusion: Confusion | None = None) -> tuple[Point, ...]:
    """The cost at every distinct confidence, from letting nothing through to letting all through.

    `costs` are those of right and wrong (`value.right_or_wrong`); `confusion` is how reviewers err (assumed if absent).
    """
    cases = _Sorted(confidence, correct, costs, confusion or assumed())
    n, made = cases.n, []
    for m in cases.cuts:
        errors = float(cases.wrong[m])
        made.append(
            Point(
                confidence=cases.at(m),
                automation=m / n,
                error=errors / m if m else 0.0,
                let_through=100.0 * errors * cases.loss / n,
                reviews=100.0 * (n - m) * (costs.review + costs.delay) / n,
                missed=100.0 * float(cases.missed[n] - cases.missed[m]) / n,
            )
        )
    return tuple(made)


def thin(curve: tuple[Point, ...], most: int = 200) -> tuple[Point, ...]:
    """At most so many points, evenly by share let through, the first, the last and the cheapest among them."""
    if len(curve) <= most:
        return curve
    kept = set(np.linspace(0, len(curve) - 1, most - 1).round().astype(int).tolist())
    kept.add(min(range(len(curve)), key=lambda i: curve[i].cost))
    return tuple(curve[i] for i in sorted(kept))


def cheapest_cuts(confidence: Any, correct: Any, costs: Costs, confusion: Confusion | None = None) -> Cuts:
    """The pair of cuts with the least cost on these cases; without an undo, `soft_review` is never used.

    Raises `NotEnoughEvidence` below 30 labels. No promise comes with it: what is cheapest here is only likely to be
    cheap later.
    """
    cases = _Sorted(confidence, correct, costs, confusion or assumed())
    if cases.n < LEAST:
        raise NotEnoughEvidence(f"not enough evidence yet ({cases.n} of {LEAST} labels)", have=cases.n, need=LEAST)
    review = np.arange(cases.n + 1) * costs.review
    auto = cases.wrong * cases.loss
    hard = review + np.arange(cases.n + 1) * costs.delay + cases.missed
    # what an undo takes back in time costs as if it had been asked first; the rest as if it had not
    soft = review + (1.0 - costs.undo) * auto + costs.undo * cases.missed
    at = cases.cuts
    first, second = (auto - soft)[at], (soft - hard)[at]
    lead = np.minimum.accumulate(first)
    total = lead + second
    j = int(total.argmin())
    i = int(first[: j + 1].argmin())
    upper, lower = int(at[i]), int(at[j])
    return Cuts(
        auto_approve=cases.at(upper) if upper else None,
        soft_review=cases.at(lower) if lower > upper else None,
        cost=100.0 * float(total[j] + hard[-1]) / cases.n,
        review_all=100.0 * float(hard[-1]) / cases.n,
        approve_all=100.0 * float(auto[-1]) / cases.n,
        n=cases.n,
    )


class _Sorted:
    """Cases, surest first, with running sums from 0 to n."""

    def __init__(self, confidence: Any, correct: Any, costs: Costs, confusion: Confusion):
        c, z = np.asarray(confidence, dtype=np.float64), np.asarray(correct, dtype=np.float64)
        if c.shape != z.shape or c.ndim != 1 or not len(c):
            raise InvalidInput(f"as many confidences as answers are needed, not {c.size} and {z.size}")
        if not ((c >= 0.0) & (c <= 1.0)).all():
            raise InvalidInput("a confidence is NaN or lies outside [0, 1]")
        if not np.isin(z, (0.0, 1.0)).all():
            raise InvalidInput("each answer must say right (true) or wrong (false)")
        table = costs.table
        if table.shape != (2, 2) or len(confusion.classes) != 2:
            raise InvalidInput("a cost curve needs the costs of right and wrong: two acts, two truths")
        order = np.argsort(-c, kind="stable")
        self.n = len(c)
        self.ranked: Floats = c[order]
        bad = 1.0 - z[order]
        self.loss = float(table[0, 1])
        # P(approve | wrong) and P(reject | right)
        misses, refuses = float(confusion.matrix[1, 0]), float(confusion.matrix[0, 1])
        self.wrong: Floats = np.concatenate(([0.0], np.cumsum(bad)))
        each = bad * misses * self.loss + (1.0 - bad) * refuses * float(table[1, 0])
        self.missed: Floats = np.concatenate(([0.0], np.cumsum(each)))
        # lengths at which a cut may fall: never between equal confidences
        ends = np.flatnonzero(np.append(self.ranked[1:] < self.ranked[:-1], True)) + 1
        self.cuts: NDArray[np.intp] = np.concatenate(([0], ends))

    def at(self, m: int) -> float:
        """The confidence that lets the first m through."""
        return float(self.ranked[m - 1]) if m else 1.0 + 1e-9
