"""The restarted form of a likelihood monitor, for streams without end.

A plain e-process that saw ten thousand good cases must first lose what it learnt from them before it can alarm. The
restarted form (the Shiryaev-Roberts e-detector: Shin, Ramdas, Rinaldo 2024) begins anew at each case:
R ← (R + 1)·L. It alarms at R ≥ A, and then the mean number of cases to a false alarm is at least A. That is another
promise than "at most 5 % ever": a stream without end has a false alarm some day.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from handrail.calibration.monitors.alarm import log_mean_exp, log_mean_exp_of
from handrail.calibration.monitors.likelihood import Likelihood

State = dict[str, Any]
_LEAST = -1e300


@dataclass(frozen=True, slots=True, kw_only=True)
class Restarted:
    """A likelihood monitor that begins anew at each case. Compare its log with ln A."""

    of: Likelihood

    def start(self) -> State:
        """Nothing seen."""
        return {"v": 1, "n": 0, "k": 0, "logs": [_LEAST] * len(self.of.alternatives)}

    def step(self, state: Mapping[str, Any], hit: bool) -> State:
        """One more observation."""
        logs = [
            (max(0.0, before) + math.log1p(math.exp(-abs(before)))) + (on_hit if hit else on_miss)
            for before, (on_hit, on_miss) in zip(state["logs"], self.of.ratios(), strict=True)
        ]
        return {"v": 1, "n": state["n"] + 1, "k": state["k"] + int(hit), "logs": logs}

    def log_e(self, state: Mapping[str, Any]) -> float:
        """log R now; far below 0 at the start."""
        return log_mean_exp(state["logs"])

    def path(self, hits: ArrayLike) -> NDArray[np.float64]:
        """log R after each observation of many streams at once (streams × observations)."""
        seen = np.asarray(hits, dtype=bool)
        ratios = np.asarray(self.of.ratios())
        logs = np.full((len(ratios), seen.shape[0]), _LEAST)
        made = np.empty(seen.shape)
        for at in range(seen.shape[1]):
            added = np.where(seen[None, :, at], ratios[:, :1], ratios[:, 1:])
            logs = np.logaddexp(logs, 0.0) + added
            made[:, at] = log_mean_exp_of(logs)
        return made
