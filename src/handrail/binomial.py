"""What n cases say about a share: exact binomial tails and bounds, Wilson's interval. In logarithms, without scipy."""

from __future__ import annotations

import math
from statistics import NormalDist

from handrail.errors import InvalidInput


def at_most(k: int, n: int, p: float) -> float:
    """P(k or fewer of n) for chance p each."""
    if k < 0:
        return 0.0
    if k >= n or p <= 0.0:
        return 1.0
    if p >= 1.0:
        return 0.0
    return min(1.0, _sum(0, k, n, p))


def at_least(k: int, n: int, p: float) -> float:
    """P(k or more of n) for chance p each."""
    if k <= 0 or p >= 1.0:
        return 1.0 if k <= n else 0.0
    if p <= 0.0 or k > n:
        return 0.0
    if k <= n * p:
        return max(0.0, 1.0 - _sum(0, k - 1, n, p))
    return min(1.0, _sum(k, n, n, p))


def _sum(first: int, last: int, n: int, p: float) -> float:
    log_p, log_q, whole = math.log(p), math.log1p(-p), math.lgamma(n + 1)
    terms = [
        whole - math.lgamma(i + 1) - math.lgamma(n - i + 1) + i * log_p + (n - i) * log_q
        for i in range(first, last + 1)
    ]
    top = max(terms)
    return math.exp(top) * math.fsum(math.exp(term - top) for term in terms)


def wilson(hits: float, n: float, level: float = 0.95) -> tuple[float, float]:
    """Wilson's (1927) score interval of a share, (0, 1) for n = 0: 45 of 50 gives 0.786 to 0.957.

    Weighted cases may count as a fraction. Raises `InvalidInput` for what is no share.
    """
    if not 0.0 <= hits <= n or not 0.0 < level < 1.0:
        raise InvalidInput(f"{hits} of {n} at level {level} is no share")
    if n == 0:
        return 0.0, 1.0
    z, p = NormalDist().inv_cdf(0.5 + level / 2.0), hits / n
    middle, half = p + z * z / (2 * n), z * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    whole = 1 + z * z / n
    return (0.0 if hits == 0 else (middle - half) / whole), (1.0 if hits == n else (middle + half) / whole)


def upper_bound(k: int, n: int, delta: float) -> float:
    """Clopper and Pearson's (1934) one-sided upper bound: the largest chance at which k of n is not too few, at level
    δ.
    """
    if k >= n:
        return 1.0
    low, high = k / n, 1.0
    while high - low > 1e-12:
        middle = (low + high) / 2.0
        low, high = (middle, high) if at_most(k, n, middle) > delta else (low, middle)
    return high


def least_cases(k: int, target: float, delta: float) -> int:
    """The fewest cases in which k errors still show an error rate of at most `target` at level δ."""
    low, high = k, max(1, k + 1)
    while at_most(k, high, target) > delta:
        low, high = high, high * 2
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if at_most(k, middle, target) > delta else (low, middle)
    return high
