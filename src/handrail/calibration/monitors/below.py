"""Evidence that an error rate is back below its limit: what lifts an alarm. Anytime-valid, so it may be asked daily.

E = ½·[no error so far]·(1−q)^(−n) + ⅙·Σ over p in {q/8, q/4, q/2} of (p/q)^k·((1−p)/(1−q))^(n−k). While the error is q
or more, E ever reaches 1/δ with a chance of at most δ. Without an error, 10 (δ = 0.1) takes 59 cases at q = 5 %, 149
at 2 %, 299 at 1 %.
"""

from __future__ import annotations

import math

from handrail.calibration.monitors.alarm import line
from handrail.errors import InvalidInput

_BETTER = (8.0, 4.0, 2.0)


def log_e_below(wrong: int, n: int, limit: float) -> float:
    """log E that the error rate lies below `limit` after `wrong` errors in n uniform checks."""
    if not (0.0 < limit < 1.0 and 0 <= wrong <= n):
        raise InvalidInput(f"{wrong} errors in {n} checks against a limit of {limit} cannot be")
    clean = -math.log1p(-limit)
    logs = [] if wrong else [math.log(0.5) + n * clean]
    for times in _BETTER:
        better = math.log1p(-limit / times) + clean
        logs.append(-math.log(6.0) - wrong * math.log(times) + (n - wrong) * better)
    top = max(logs)
    return top + math.log(math.fsum(math.exp(each - top) for each in logs))


def checks_to_lift(wrong: int, limit: float, delta: float) -> int:
    """The fewest uniform checks with so many errors among them that show an error below `limit` at level δ."""
    low, high = wrong, max(1, wrong + 1)
    while log_e_below(wrong, high, limit) < line(delta):
        low, high = high, high * 2
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if log_e_below(wrong, middle, limit) < line(delta) else (low, middle)
    return high
