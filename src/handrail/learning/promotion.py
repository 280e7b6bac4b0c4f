"""When a cell of cases has earned more autonomy: an e-process that may be looked at after every case.

Looking at an exact bound after each case and stopping when it looks good passes 28 % of cells that stand exactly at the
limit. The e-process here is a fair bet against "the share of misses is at least the limit": whatever the order and
however often one looks, it reaches 20 with chance at most 1/20 (Ville 1939; Ramdas et al. 2023).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from handrail.errors import InvalidInput

LEVEL = 20.0
# alternatives a sixth of the stake each is bet on, as shares of the limit; the half goes on no miss at all
SHARES = (0.125, 0.25, 0.5)
MOST_CASES = 10_000_000

Floats = NDArray[np.float64]


def log_evidence(n: Any, misses: Any, limit: float) -> Floats:
    """ln E of `misses` in n cases, arrays allowed:
    `E = ½·[k = 0](1 − q)^(−n) + ⅙·Σ_{p ∈ {q/8, q/4, q/2}} (p/q)^k ((1 − p)/(1 − q))^(n − k)`, q the limit.

    Raises `InvalidInput` unless 0 < limit < 1 and 0 ≤ misses ≤ n.
    """
    _need_limit(limit)
    n, k = np.asarray(n, dtype=np.float64), np.asarray(misses, dtype=np.float64)
    if not (np.all(k >= 0.0) and np.all(k <= n) and np.all(n <= MOST_CASES)):
        raise InvalidInput(f"misses are counted among the cases, of which there are at most {MOST_CASES}")
    log_q = math.log1p(-limit)
    with np.errstate(divide="ignore"):
        terms = [np.where(k == 0.0, math.log(0.5) - n * log_q, -np.inf)]
    for share in SHARES:
        p = share * limit
        terms.append(math.log(1.0 / 6.0) + k * math.log(share) + (n - k) * (math.log1p(-p) - log_q))
    return np.asarray(np.logaddexp.reduce(np.stack(np.broadcast_arrays(*terms)), axis=0), dtype=np.float64)


def evidence_of(n: int, misses: int, limit: float) -> float:
    """E of one cell; what would overflow is the largest number there is."""
    return float(np.exp(min(709.0, float(log_evidence(n, misses, limit)))))


def cases_needed(limit: float, *, misses: int = 0, level: float = LEVEL) -> int:
    """The fewest cases in which so many misses still reach the level: 65, 165, 332 clean ones at 5, 2, 1 %.

    Raises `InvalidInput` for a limit outside (0, 1), a level below 1, or what even ten million cases do not reach.
    """
    _need_limit(limit)
    if misses < 0 or not level >= 1.0:
        raise InvalidInput("misses are counted from 0 and the level from 1")
    wanted = math.log(level)
    # between this many and none E falls as n grows; it grows from where misses are rarer than the limit
    low, high = misses, max(1, misses)
    while log_evidence(high, misses, limit) < wanted:
        low, high = high, 2 * high
        if high > MOST_CASES:
            raise InvalidInput(f"more than {MOST_CASES} cases would be needed", remedy="Raise the limit.")
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if log_evidence(middle, misses, limit) >= wanted else (middle, high)
    return high


def passing(logs: Sequence[float], levels: Sequence[float] | None = None) -> tuple[int, ...]:
    """Which of G cells pass together: the largest k with the k-th best E ≥ level·G/k (e-BH, Wang and Ramdas 2022).

    `logs`: ln E by cell; `levels`: each cell's own level (20). Among those that pass, on average at most 1/level are at
    or above their limit, however the cells depend on each other. Never leave a cell out because it looks hopeless.
    """
    if not len(logs):
        return ()
    wanted = [LEVEL] * len(logs) if levels is None else list(levels)
    if len(wanted) != len(logs) or not all(level >= 1.0 for level in wanted):
        raise InvalidInput("each cell has a level of at least 1")
    beyond = np.asarray(logs, dtype=np.float64) - np.log(np.asarray(wanted))
    order = np.argsort(-beyond, kind="stable")
    reached = np.flatnonzero(beyond[order] >= np.log(len(order) / np.arange(1.0, len(order) + 1.0)))
    return tuple(sorted(int(i) for i in order[: reached[-1] + 1])) if len(reached) else ()


def _need_limit(limit: float) -> None:
    if not 0.0 < limit < 1.0:
        raise InvalidInput("the limit on misses lies strictly between 0 and 1")
