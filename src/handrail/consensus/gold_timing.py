"""When a gold joins the queue: so that neither its moment nor its neighbours tell it from an ordinary case.

Each ordinary case draws a gold by itself with the same chance, so the ordinary cases between two golds are geometric.
The gold comes later by a lag, uniform over about `SPREAD` of the usual times between two cases just then: it is
nobody's twin, and comes amid a burst rather than behind it.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from statistics import median

from handrail.clock import SECOND

# times between two cases over which the lag is spread
SPREAD = 30
# no gold comes later than this after the case that drew it, microseconds
LONGEST = 3600 * SECOND
# times between two cases that tell what is usual just then, and how few do
RECENT, LEAST = 20, 4


def chance(share: float) -> float:
    """With what chance a case draws a gold, when golds are to be `share` (0 to below 1) of all cases and golds."""
    return share / (1.0 - share)


def lag(opened: Sequence[int], at: int, draw: float) -> int:
    """How long after case `at` its gold joins the queue, microseconds.

    `opened`: when each case was put before people, oldest first. `draw`: uniform in [0, 1).
    """
    gaps = [later - earlier for earlier, later in pairwise(opened[max(0, at - RECENT) : at + 1])]
    usual = median(gaps) if len(gaps) >= LEAST else LONGEST
    return int(draw * min(SPREAD * usual, LONGEST))
