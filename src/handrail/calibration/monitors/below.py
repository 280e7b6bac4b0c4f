"""Evidence that a rate of errors lies below a limit: what lifts an alarm, and what earns a cell its autonomy.

Looking at an exact bound after each case and stopping when it looks good passes 28 % of streams that stand exactly at
the limit. The e-process here is a fair bet against "the rate is at least the limit": whatever the order and however
often one looks, it reaches 1/δ with a chance of at most δ (Ville 1939; Ramdas et al. 2023). Without an error, 10
(δ = 0.1) takes 51 cases at a limit of 5 %, 128 at 2 %, 258 at 1 %; 20 (δ = 0.05) takes 65, 165, 332.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from handrail.errors import InvalidInput

# alternatives a sixth of the stake each is bet on, as shares of the limit; the half goes on no error at all
SHARES = (0.125, 0.25, 0.5)
MOST_CASES = 10_000_000

Floats = NDArray[np.float64]


def log_e_below(wrong: Any, n: Any, limit: float) -> Floats:
    """ln E of so many errors in n cases, arrays allowed:
    `E = ½·[k = 0](1 − q)^(−n) + ⅙·Σ_{p ∈ {q/8, q/4, q/2}} (p/q)^k ((1 − p)/(1 − q))^(n − k)`, q the limit.

    Raises `InvalidInput` unless 0 < limit < 1 and 0 ≤ wrong ≤ n.
    """
    _need_limit(limit)
    n, k = np.asarray(n, dtype=np.float64), np.asarray(wrong, dtype=np.float64)
    if not (np.all(k >= 0.0) and np.all(k <= n) and np.all(n <= MOST_CASES)):
        raise InvalidInput(f"errors are counted among the cases, of which there are at most {MOST_CASES}")
    log_q = math.log1p(-limit)
    terms = [np.where(k == 0.0, math.log(0.5) - n * log_q, -np.inf)]
    for share in SHARES:
        p = share * limit
        terms.append(math.log(1.0 / 6.0) + k * math.log(share) + (n - k) * (math.log1p(-p) - log_q))
    return np.asarray(np.logaddexp.reduce(np.stack(np.broadcast_arrays(*terms)), axis=0), dtype=np.float64)


def e_below(wrong: int, n: int, limit: float) -> float:
    """E of one stream; what would overflow is the largest number there is."""
    return float(np.exp(min(709.0, float(log_e_below(wrong, n, limit)))))


def cases_needed(limit: float, *, wrong: int = 0, level: float) -> int:
    """The fewest cases in which so many errors still let E reach the level (1/δ).

    Raises `InvalidInput` for a limit outside (0, 1), a level below 1, or what even ten million cases do not reach.
    """
    _need_limit(limit)
    if wrong < 0 or not level >= 1.0:
        raise InvalidInput("errors are counted from 0 and the level from 1")
    wanted = math.log(level)
    # between this many and none E falls as n grows; it grows from where errors are rarer than the limit
    low, high = wrong, max(1, wrong)
    while log_e_below(wrong, high, limit) < wanted:
        low, high = high, 2 * high
        if high > MOST_CASES:
            raise InvalidInput(f"more than {MOST_CASES} cases would be needed", remedy="Raise the limit.")
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if log_e_below(wrong, middle, limit) >= wanted else (middle, high)
    return high


def _need_limit(limit: float) -> None:
    if not 0.0 < limit < 1.0:
        raise InvalidInput("a limit on errors lies strictly between 0 and 1")
