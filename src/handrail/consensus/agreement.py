"""How far reviewers agree: raw, Krippendorff's alpha, Fleiss' kappa, Gwet's AC1, Cohen's kappa.

All but Cohen's take any number of answers a case; cases with one answer say nothing and are left out. A coefficient
that is undefined (one label seen) is None, never NaN. Skew alone makes alpha and kappa small, so all are shown.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from handrail.consensus.answers import Answer, collect
from handrail.errors import InvalidInput

Floats = NDArray[np.float64]
_CHUNK = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Interval:
    """A coefficient with its bootstrap interval over cases; None where it is undefined or was not asked for."""

    value: float | None
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreement:
    """Every coefficient for the same answers, with the counts behind them."""

    # cases with two or more answers, and the answers they hold
    cases: int
    answers: int
    raw: Interval
    alpha: Interval
    fleiss: Interval
    ac1: Interval


def agreement(
    answers: Iterable[Answer],
    rng: np.random.Generator | None = None,
    *,
    resamples: int = 1_000,
    level: float = 0.95,
) -> Agreement:
    """All coefficients; with `rng` also their percentile bootstrap intervals over cases."""
    counts = collect(answers).counts
    counts = counts[counts.sum(axis=1) >= 2]
    if not len(counts):
        none = Interval(value=None)
        return Agreement(cases=0, answers=0, raw=none, alpha=none, fleiss=none, ac1=none)
    parts = _parts(counts)
    values = _coefficients(parts.sum(axis=0, keepdims=True))[0]
    low = high = np.full(4, np.nan)
    if rng is not None:
        low, high = _bootstrap(parts, rng, resamples, level)
    raw, alpha, fleiss, ac1 = (
        Interval(value=_number(v), low=_number(a), high=_number(b)) for v, a, b in zip(values, low, high, strict=True)
    )
    return Agreement(cases=len(counts), answers=int(counts.sum()), raw=raw, alpha=alpha, fleiss=fleiss, ac1=ac1)


def cohen_kappa(one: Sequence[Hashable], two: Sequence[Hashable]) -> float | None:
    """Cohen's (1960) kappa of two people's labels of the same cases, in the same order; None when undefined."""
    if len(one) != len(two) or not one:
        raise InvalidInput(f"two people's labels of the same cases are needed, not {len(one)} and {len(two)}")
    n = len(one)
    labels = set(one) | set(two)
    observed = sum(a == b for a, b in zip(one, two, strict=True)) / n
    expected = sum(one.count(label) * two.count(label) for label in labels) / (n * n)
    return None if expected >= 1.0 else (observed - expected) / (1.0 - expected)


def _parts(counts: Floats) -> Floats:
    """Per case: 1, share of agreeing pairs, agreeing pairs / (n − 1), answers, answers by label. All add up."""
    n = counts.sum(axis=1)
    pairs = (counts * (counts - 1.0)).sum(axis=1)
    return np.column_stack([np.ones(len(n)), pairs / (n * (n - 1.0)), pairs / (n - 1.0), n, counts])


def _coefficients(sums: Floats) -> Floats:
    """Rows of summed parts to rows of (raw, alpha, Fleiss, AC1); NaN where undefined."""
    cases, agreed, coincide, n = sums[:, 0], sums[:, 1], sums[:, 2], sums[:, 3]
    by_label = sums[:, 4:]
    share = by_label / n[:, None]
    raw = agreed / cases
    with np.errstate(divide="ignore", invalid="ignore"):
        # Krippendorff (2011), nominal: 1 − D_o / D_e, pairs drawn without replacement
        d_e = 1.0 - (by_label * (by_label - 1.0)).sum(axis=1) / (n * (n - 1.0))
        alpha = 1.0 - (1.0 - coincide / n) / d_e
        by_chance = (share**2).sum(axis=1)
        fleiss = (raw - by_chance) / (1.0 - by_chance)
        # Gwet (2008): chance agreement falls as one label takes over
        k = max(2, by_label.shape[1])
        spread = (share * (1.0 - share)).sum(axis=1) / (k - 1)
        ac1 = (raw - spread) / (1.0 - spread)
    found = np.column_stack([raw, alpha, fleiss, ac1])
    one_label = (by_label > 0).sum(axis=1) < 2
    found[one_label, 1:] = np.nan
    return found


def _bootstrap(parts: Floats, rng: np.random.Generator, resamples: int, level: float) -> tuple[Floats, Floats]:
    cases = len(parts)
    drawn = []
    for start in range(0, resamples, _CHUNK):
        size = min(_CHUNK, resamples - start)
        times = rng.multinomial(cases, np.full(cases, 1.0 / cases), size=size)
        drawn.append(_coefficients(times @ parts))
    table = np.vstack(drawn)
    edge = (1.0 - level) / 2.0
    low, high = np.full(4, np.nan), np.full(4, np.nan)
    for column in range(4):
        known = table[:, column][~np.isnan(table[:, column])]
        if len(known):
            low[column], high[column] = np.quantile(known, (edge, 1.0 - edge))
    return low, high


def _number(value: float) -> float | None:
    return None if np.isnan(value) else float(value)
