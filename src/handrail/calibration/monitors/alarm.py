"""When a monitor alarms, and how long that takes.

An e-process is a product of bets that cannot grow on average while all is well. By Ville's inequality it ever reaches
1/level with a chance of at most `level`, however often one looks (Ramdas, Grünwald, Vovk, Shafer 2023, "Game-theoretic
statistics and safe anytime-valid inference").
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from handrail.errors import InvalidInput

# of all monitors of a workspace together
LEVEL = 0.05


def line(level: float) -> float:
    """log E from which a monitor of this level alarms. Raises `InvalidInput` for a level outside (0, 1)."""
    if not 0.0 < level < 1.0:
        raise InvalidInput(f"a level is a chance between 0 and 1, not {level}")
    return -math.log(level)


def level_each(monitors: int, whole: float = LEVEL) -> float:
    """The level of one of so many monitors, so that any false alarm among all of them has at most the whole chance."""
    return whole / max(1, monitors)


def checks_to_alarm(limit: float, error: float, level: float) -> int:
    """About how many checks find `error` above `limit`: ln(1/level)/KL(error‖limit).

    For 0.02, 0.04 and 0.05 this is 378. Raises `InvalidInput` unless 0 < limit < error < 1.
    """
    if not 0.0 < limit < error < 1.0:
        raise InvalidInput("the error to find lies above the limit, both between 0 and 1")
    gain = error * math.log(error / limit) + (1.0 - error) * math.log((1.0 - error) / (1.0 - limit))
    return math.ceil(line(level) / gain)


def log_mean_exp(logs: Sequence[float]) -> float:
    """log of the mean of e^logs, without leaving the range of floats."""
    top = max(logs)
    if math.isinf(top):
        return top
    return top + math.log(math.fsum(math.exp(each - top) for each in logs) / len(logs))


def log_mean_exp_of(logs: NDArray[Any]) -> NDArray[np.float64]:
    """The same over the first axis of an array."""
    top = logs.max(axis=0)
    return np.asarray(top + np.log(np.exp(logs - top).mean(axis=0)), dtype=np.float64)


def first_alarm(paths: NDArray[Any], level: float) -> NDArray[np.int64]:
    """Of paths of log E (streams × observations): after how many observations each alarms; 0 where it never does."""
    over = paths >= line(level)
    return np.where(over.any(axis=1), over.argmax(axis=1) + 1, 0)
