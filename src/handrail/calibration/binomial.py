"""Exact binomial tails and bounds, in logarithms, without scipy."""

from __future__ import annotations

import math


def binomial_cdf(k: int, n: int, p: float) -> float:
    """P(at most k of n) for chance p each."""
    if k < 0:
        return 0.0
    if k >= n or p <= 0.0:
        return 1.0
    if p >= 1.0:
        return 0.0
    log_p, log_q, whole = math.log(p), math.log1p(-p), math.lgamma(n + 1)
    terms = [whole - math.lgamma(i + 1) - math.lgamma(n - i + 1) + i * log_p + (n - i) * log_q for i in range(k + 1)]
    top = max(terms)
    return min(1.0, math.exp(top) * math.fsum(math.exp(t - top) for t in terms))


def upper_bound(k: int, n: int, delta: float) -> float:
    """Clopper and Pearson's (1934) one-sided upper bound: the largest chance at which k of n is not too few, at level
    δ.
    """
    if k >= n:
        return 1.0
    low, high = k / n, 1.0
    while high - low > 1e-12:
        middle = (low + high) / 2.0
        low, high = (middle, high) if binomial_cdf(k, n, middle) > delta else (low, middle)
    return high


def least_cases(k: int, target: float, delta: float) -> int:
    """The fewest cases in which k errors still show an error rate of at most `target` at level δ."""
    low, high = k, max(1, k + 1)
    while binomial_cdf(k, high, target) > delta:
        low, high = high, high * 2
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if binomial_cdf(k, middle, target) > delta else (low, middle)
    return high
