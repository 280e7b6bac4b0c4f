"""Which cells of cases have earned more autonomy, of many that are looked at together and after every case."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from handrail.errors import InvalidInput

LEVEL = 20.0


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
