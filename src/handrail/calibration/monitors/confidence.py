"""Does the confidence promise too much, or too little? Bets on confidence minus right or wrong, case by case.

While confidence is calibrated, c − z is 0 on average (z = 1 if right), whatever the confidences are. The mean over
several stakes is an e-process; with the sign turned it looks for underconfidence. Each side gets half the level.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from handrail.calibration.monitors.alarm import log_mean_exp, log_mean_exp_of
from handrail.errors import InvalidInput

STAKES = (0.1, 0.25, 0.5, 0.9)
State = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Miscalibration:
    """An e-process against calibrated confidence. `over`: it promises more than comes true; `under`: less."""

    side: Literal["over", "under"]

    def start(self) -> State:
        """Nothing seen."""
        return {"v": 1, "n": 0, "logs": [0.0] * len(STAKES)}

    def step(self, state: Mapping[str, Any], confidence: float, right: bool) -> State:
        """One more case. Raises `InvalidInput` for a confidence outside [0, 1]."""
        if not 0.0 <= confidence <= 1.0:
            raise InvalidInput(f"confidence lies between 0 and 1, not {confidence}")
        gap = self._sign * (confidence - float(right))
        logs = [before + math.log1p(stake * gap) for before, stake in zip(state["logs"], STAKES, strict=True)]
        return {"v": 1, "n": state["n"] + 1, "logs": logs}

    def log_e(self, state: Mapping[str, Any]) -> float:
        """log E now; 0 at the start."""
        return log_mean_exp(state["logs"])

    def path(self, confidence: ArrayLike, right: ArrayLike) -> NDArray[np.float64]:
        """log E after each case of many streams at once (streams × cases)."""
        gap = self._sign * (np.asarray(confidence, dtype=np.float64) - np.asarray(right, dtype=np.float64))
        return log_mean_exp_of(np.stack([np.cumsum(np.log1p(stake * gap), axis=-1) for stake in STAKES]))

    @property
    def _sign(self) -> float:
        return 1.0 if self.side == "over" else -1.0
