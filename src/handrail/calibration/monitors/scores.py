"""Have the scores moved? A conformal martingale: a hint long before there are labels, never proof.

The rank of a score among **all** earlier ones is uniform while scores are exchangeable (Vovk, Gammerman, Shafer 2022,
"Algorithmic Learning in a Random World"); against a fixed reference sample it is not. Scores are kept as counts of a
thousand bins, and ties within a bin are broken at random, which keeps ranks exactly uniform. Three bettors (on small
ranks, on none, on large ranks) share a little of their capital before each case, so that money moves to who wins now.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from handrail.calibration.monitors.alarm import log_mean_exp, log_mean_exp_of
from handrail.errors import InvalidInput

BINS = 1000
BETS = (-1.0, 0.0, 1.0)
# share of the capital that goes round before each case
SHARED = 0.01
State = dict[str, Any]


class ScoresMoved:
    """The monitor of scores between 0 and 1."""

    def start(self) -> State:
        """Nothing seen. `counts` holds the filled bins alone."""
        return {"v": 1, "n": 0, "counts": {}, "logs": [0.0] * len(BETS)}

    def step(self, state: Mapping[str, Any], score: float, draw: float) -> State:
        """One more score. `draw`, uniform in [0, 1) and fresh, breaks ties. Raises `InvalidInput` outside [0, 1]."""
        if not 0.0 <= score <= 1.0:
            raise InvalidInput(f"a score lies between 0 and 1, not {score}")
        place = str(round(score * BINS))
        counts = dict(state["counts"])
        below = sum(count for bin, count in counts.items() if int(bin) < int(place))
        # the case itself is one of those it is tied with
        tied = counts.get(place, 0) + 1
        rank = (below + draw * tied) / (state["n"] + 1)
        counts[place] = tied
        return {"v": 1, "n": state["n"] + 1, "counts": counts, "logs": _bet(state["logs"], rank)}

    def log_e(self, state: Mapping[str, Any]) -> float:
        """log E now; 0 at the start."""
        return log_mean_exp(state["logs"])

    def path(self, scores: ArrayLike, draws: ArrayLike) -> NDArray[np.float64]:
        """log E after each score of many streams at once (streams × scores)."""
        ranks = ranks_of(np.asarray(scores, dtype=np.float64), np.asarray(draws, dtype=np.float64))
        logs = np.zeros((len(BETS), ranks.shape[0]))
        made = np.empty_like(ranks)
        bets = np.asarray(BETS)[:, None]
        for at in range(ranks.shape[1]):
            shared = np.logaddexp(math.log1p(-SHARED) + logs, math.log(SHARED) + log_mean_exp_of(logs))
            logs = shared + np.log1p(bets * (ranks[None, :, at] - 0.5))
            made[:, at] = log_mean_exp_of(logs)
        return made


def _bet(logs: list[float], rank: float) -> list[float]:
    mean = log_mean_exp(logs)
    top = max(mean, *logs)
    return [
        top
        + math.log((1.0 - SHARED) * math.exp(each - top) + SHARED * math.exp(mean - top))
        + math.log1p(bet * (rank - 0.5))
        for each, bet in zip(logs, BETS, strict=True)
    ]  # fmt: skip


def ranks_of(scores: NDArray[np.float64], draws: NDArray[np.float64]) -> NDArray[np.float64]:
    """The rank of each score among those before it in its stream, in (0, 1)."""
    bins = np.rint(scores * BINS).astype(np.int64)
    counts = np.zeros((bins.shape[0], BINS + 1), dtype=np.int32)
    streams = np.arange(bins.shape[0])
    places = np.arange(BINS + 1)
    made = np.empty_like(scores)
    for at in range(bins.shape[1]):
        place = bins[:, at]
        below = np.where(places[None, :] < place[:, None], counts, 0).sum(axis=1)
        tied = counts[streams, place] + 1
        made[:, at] = (below + draws[:, at] * tied) / (at + 1)
        counts[streams, place] = tied
    return made
