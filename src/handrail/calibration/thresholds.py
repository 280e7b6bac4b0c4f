"""The lowest confidence to let through without asking, with a promise about the errors among what is let through.

Learn-then-test by fixed sequence: Angelopoulos, Bates, Candès, Jordan, Lei (2021), "Learn then Test", with exact
binomial tails. Promise: with chance at least 1 − δ over the labels drawn, the error among proposals at or above the
threshold is at most the target, for cases like these. The labels must be drawn uniformly from the stream (spot checks
above the present threshold, reviewed cases below it thinned to the same rate); labels picked because they were doubtful
void it, and so do labels that the calibrator was fitted on.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from handrail.binomial import at_most, least_cases, upper_bound
from handrail.calibration.betting import mean_at_most, mean_bound
from handrail.errors import InvalidInput, NotEnoughEvidence

STEPS = 100
# from so many expected errors on, the first prefix may hold two
_AMPLE = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Mislabelling:
    """How often those who check are wrong: chance to allege an error that is none, chance to miss one."""

    false_alarm: float = 0.0
    missed: float = 0.0

    def __post_init__(self) -> None:
        if not (self.false_alarm >= 0.0 and self.missed >= 0.0 and self.false_alarm + self.missed < 1.0):
            raise InvalidInput("the two rates of mislabelling are not negative and sum to less than 1")

    def alleged(self, error: float) -> float:
        """The rate of alleged errors at a true rate of errors."""
        return self.false_alarm + error * (1.0 - self.false_alarm - self.missed)

    def true(self, alleged: float) -> float:
        """The true rate behind a rate (or bound) of alleged errors: (bound − η₀)/(1 − η₀ − η₁), in [0, 1]."""
        return min(1.0, max(0.0, (alleged - self.false_alarm) / (1.0 - self.false_alarm - self.missed)))


FLAWLESS = Mislabelling()


@dataclass(frozen=True, slots=True, kw_only=True)
class Threshold:
    """A certified cut, or the finding that nothing can be let through."""

    # let through at or above this confidence; None: nothing
    value: float | None
    target_error: float
    # chance that the promise is broken
    delta: float
    # labels used, labels at or above the cut, errors among those (or the sum of their losses)
    n: int
    passed: int
    errors: float
    # upper bound of the error among what is let through; 1 when nothing is
    bound: float

    @property
    def automation(self) -> float:
        """Share of the labelled cases that would be let through."""
        return self.passed / self.n


def labels_needed(target_error: float, delta: float, *, mislabelling: Mislabelling = FLAWLESS) -> int:
    """The fewest labels, all of them right, that can show this target."""
    return least_cases(0, mislabelling.alleged(target_error), delta)


def choose_threshold(
    confidence: Any,
    correct: Any,
    target_error: float,
    *,
    delta: float = 0.1,
    groups: int = 1,
    expired: Any = None,
    mislabelling: Mislabelling = FLAWLESS,
) -> Threshold:
    """Certify a threshold on uniformly drawn (confidence, was it right).

    `groups`: how many thresholds are certified side by side (each then at δ / groups). `expired`: which spot checks
    nobody answered in time; they count as errors. `mislabelling`: known rates at which checks are wrong. Raises
    `InvalidInput` for bad numbers and `NotEnoughEvidence` when even a flawless record of this length could not show the
    target.
    """
    c, wrong = _labels(confidence, correct, expired)
    level, n = _level(target_error, delta, groups), len(c)
    limit = mislabelling.alleged(target_error)
    least = _first(n, limit, level)
    order = np.argsort(-c, kind="stable")
    ranked, errors = c[order], np.cumsum(wrong[order])
    passed = 0
    for m in _prefixes(ranked, least):
        if errors[m - 1] > most_errors(m, limit, level):
            break
        passed = m
    k = int(errors[passed - 1]) if passed else 0
    bound = mislabelling.true(upper_bound(k, passed, level)) if passed else 1.0
    return _found(ranked, passed, k, bound, target_error, delta)


def choose_threshold_by_loss(
    confidence: Any, losses: Any, target_loss: float, *, delta: float = 0.1, groups: int = 1
) -> Threshold:
    """The same promise about the mean loss among what is let through, losses in [0, 1] by severity.

    A betting bound (`betting`) stands in place of the binomial; rows must be in the order they were drawn in, which
    must not depend on the losses. `Threshold.errors` is then the sum of losses.
    """
    c, loss = np.asarray(confidence, dtype=np.float64), np.asarray(losses, dtype=np.float64)
    if c.shape != loss.shape or c.ndim != 1 or not ((c >= 0.0) & (c <= 1.0)).all():
        raise InvalidInput("as many confidences in [0, 1] as losses are needed")
    if not ((loss >= 0.0) & (loss <= 1.0)).all():
        raise InvalidInput("a loss is NaN or lies outside [0, 1]")
    level = _level(target_loss, delta, groups)
    least = _first(len(c), target_loss, level)
    ranked = -np.sort(-c)
    passed = 0
    for m in _prefixes(ranked, least):
        if not mean_at_most(loss[c >= ranked[m - 1]], target_loss, level):
            break
        passed = m
    held = loss[c >= ranked[passed - 1]] if passed else loss[:0]
    bound = mean_bound(held, level) if passed else 1.0
    return _found(ranked, passed, float(held.sum()), bound, target_loss, delta)


def choose_by_group(
    confidence: Any, correct: Any, group: Any, target_error: float, *, delta: float = 0.1, **options: Any
) -> dict[Any, Threshold | NotEnoughEvidence]:
    """One threshold for each group (action, argument band), each at δ / number of groups, so that all hold together.

    A group with too few labels has the error that says so in its place: nothing of it is let through.
    """
    names = np.asarray(group)
    c, z = np.asarray(confidence, dtype=np.float64), np.asarray(correct, dtype=np.float64)
    if names.shape != c.shape:
        raise InvalidInput(f"as many groups as confidences are needed, not {names.size} and {c.size}")
    known = list(dict.fromkeys(names.tolist()))
    made: dict[Any, Threshold | NotEnoughEvidence] = {}
    for name in known:
        rows = names == name
        made[name] = _tried(c[rows], z[rows], target_error, delta=delta, groups=len(known), **options)
    return made


@lru_cache(maxsize=1 << 16)
def most_errors(m: int, limit: float, level: float) -> int:
    """The most errors among m that still show a rate of at most `limit` at this level; −1 when none do."""
    low, high = -1, max(1, int(m * limit) + 1)
    # BinomCDF(m · limit) is about one half, above any level in use; go on where it is not
    while at_most(high, m, limit) <= level:
        low, high = high, high * 2
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if at_most(middle, m, limit) <= level else (low, middle)
    return low


def _tried(*given: Any, **options: Any) -> Threshold | NotEnoughEvidence:
    try:
        return choose_threshold(*given, **options)
    except NotEnoughEvidence as error:
        return error


def _found(ranked: Any, passed: int, errors: float, bound: float, target: float, delta: float) -> Threshold:
    return Threshold(
        value=float(ranked[passed - 1]) if passed else None,
        target_error=target, delta=delta, n=len(ranked), passed=passed, errors=errors, bound=bound,
    )  # fmt: skip


def _level(target: float, delta: float, groups: int) -> float:
    if not (0.0 < target < 1.0 and 0.0 < delta < 1.0 and groups >= 1):
        raise InvalidInput("the target error and delta lie strictly between 0 and 1, and there is at least one group")
    return delta / groups


def _first(n: int, limit: float, level: float) -> int:
    """The length of the first prefix, fixed before any answer is seen: where two errors (or none) may stand."""
    least = least_cases(2 if n * limit >= _AMPLE else 0, limit, level)
    if n < least:
        raise NotEnoughEvidence(f"not enough evidence yet ({n} of {least} labels)", have=n, need=least)
    return least


def _prefixes(ranked: Any, least: int) -> list[int]:
    """At most `STEPS` equally spaced lengths from `least` to all, each moved on past equal confidences."""
    n = len(ranked)
    lengths = np.unique(np.linspace(least, n, min(STEPS, n - least + 1)).round().astype(int))
    # a cut cannot separate equal confidences
    moved = np.searchsorted(-ranked, -ranked[lengths - 1], side="right")
    return [int(m) for m in np.unique(moved)]


def _labels(confidence: Any, correct: Any, expired: Any) -> tuple[Any, Any]:
    c, z = np.asarray(confidence, dtype=np.float64), np.asarray(correct, dtype=np.float64)
    if c.shape != z.shape or c.ndim != 1:
        raise InvalidInput(f"as many confidences as answers are needed, not {c.size} and {z.size}")
    if not ((c >= 0.0) & (c <= 1.0)).all():
        raise InvalidInput("a confidence is NaN or lies outside [0, 1]")
    late = np.zeros(len(c), dtype=bool) if expired is None else np.asarray(expired, dtype=bool)
    if late.shape != c.shape:
        raise InvalidInput(f"as many marks of expiry as answers are needed, not {late.size} and {c.size}")
    if not np.isin(z[~late], (0.0, 1.0)).all():
        raise InvalidInput("each answer must say right (true) or wrong (false)")
    return c, np.where(late, 1.0, 1.0 - z)
