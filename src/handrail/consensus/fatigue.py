"""Fatigue: does the chance of an error grow with the minutes of a sitting?

`logit P(error) = a(reviewer) + b·ln(1 + minutes) + c·speed`, from golds, by Newton's steps with a small ridge on
everything but b. "10 to 20 % worse after two hours" could not be confirmed on real sittings, so b counts as zero until
its interval leaves zero out, and even then it is a trend to look at: nothing alarms on it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np

from handrail.canonical import JSON
from handrail.consensus.answers import Floats
from handrail.errors import InvalidInput, NotEnoughEvidence

# golds, and errors among them, before anything is shown
GOLDS, ERRORS = 200, 20
RIDGE = 0.1
_ROUNDS = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Worked:
    """One gold answered `minutes` into a sitting, with the dwell time in seconds where it is known."""

    reviewer: str
    wrong: bool
    minutes: float
    dwell: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Trend:
    """b with its interval, over n golds with so many errors."""

    b: float
    low: float
    high: float
    n: int
    errors: int

    @property
    def stands(self) -> bool:
        """Whether the interval leaves zero out; until then plan with b = 0."""
        return self.low > 0.0 or self.high < 0.0

    @property
    def odds_after_two_hours(self) -> float:
        """By what factor the odds of an error grow from the first minute to the 120th; 1 while b does not stand."""
        return math.exp(self.b * math.log(121.0 / 2.0)) if self.stands else 1.0

    def to_json(self) -> dict[str, JSON]:
        return {
            "b": self.b, "low": self.low, "high": self.high, "n": self.n, "errors": self.errors,
            "stands": self.stands, "odds_after_two_hours": self.odds_after_two_hours,
        }  # fmt: skip


def fatigue(work: Sequence[Worked], *, level: float = 0.95) -> Trend:
    """Fit the trend. Raises `NotEnoughEvidence` below 200 golds or 20 errors, `InvalidInput` for negative times."""
    if any(not math.isfinite(one.minutes) or one.minutes < 0 for one in work):
        raise InvalidInput("minutes into a sitting are 0 or more")
    wrong = np.array([one.wrong for one in work], dtype=float)
    errors = int(wrong.sum())
    if len(work) < GOLDS:
        raise NotEnoughEvidence(
            f"not enough evidence yet ({len(work)} of {GOLDS} golds)", have=len(work), need=GOLDS
        )  # fmt: skip
    if min(errors, len(work) - errors) < ERRORS:
        have = min(errors, len(work) - errors)
        raise NotEnoughEvidence(f"not enough evidence yet ({have} of {ERRORS} errors)", have=have, need=ERRORS)
    people = sorted({one.reviewer for one in work})
    x = np.zeros((len(work), len(people) + 2))
    x[np.arange(len(work)), [people.index(one.reviewer) for one in work]] = 1.0
    x[:, -2] = [math.log1p(one.minutes) for one in work]
    x[:, -1] = _speed(work)
    beta, variance = _fit(x, wrong)
    b, half = float(beta[-2]), float(NormalDist().inv_cdf(0.5 + level / 2.0) * math.sqrt(variance[-2]))
    return Trend(b=b, low=b - half, high=b + half, n=len(work), errors=errors)


def _speed(work: Sequence[Worked]) -> list[float]:
    """ln dwell as a z-score within each reviewer; 0 where it is unknown."""
    by_person: dict[str, list[float]] = {}
    for one in work:
        if one.dwell is not None and one.dwell > 0:
            by_person.setdefault(one.reviewer, []).append(math.log(one.dwell))
    made = []
    for one in work:
        known = by_person.get(one.reviewer, [])
        spread = float(np.std(known)) if len(known) > 1 else 0.0
        if one.dwell is None or one.dwell <= 0 or spread == 0.0:
            made.append(0.0)
        else:
            made.append((math.log(one.dwell) - float(np.mean(known))) / spread)
    return made


def _fit(x: Floats, y: Floats) -> tuple[Floats, Floats]:
    ridge = np.full(x.shape[1], RIDGE)
    ridge[-2] = 1e-9
    beta = np.zeros(x.shape[1])
    curve = np.eye(x.shape[1])
    for _ in range(_ROUNDS):
        p = 1.0 / (1.0 + np.exp(-np.clip(x @ beta, -30.0, 30.0)))
        slope = x.T @ (y - p) - ridge * beta
        curve = (x * (p * (1.0 - p))[:, None]).T @ x + np.diag(ridge)
        step = np.linalg.solve(curve, slope)
        beta = beta + step
        if np.abs(step).max() < 1e-8:
            break
    return beta, np.diag(np.linalg.inv(curve))
