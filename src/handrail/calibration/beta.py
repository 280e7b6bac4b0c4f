"""Beta calibration: c = σ(a·ln s − b·ln(1 − s) + d), with a and b at least 0.

Kull, Silva Filho, Flach (2017), "Beta calibration". It holds the identity (a = b = 1, d = 0), so that scores which are
calibrated already stay as they are; Platt's targets keep it finite on few labels.
"""

from __future__ import annotations

import math

import numpy as np

from handrail.calibration.logistic import fit_logistic, smoothed
from handrail.calibration.scores import Floats


def fit_beta(x: Floats, correct: Floats, weights: Floats) -> tuple[float, float, float]:
    """(a, b, d) on the logits x of the scores. A part whose slope would be negative is left out, as Kull does."""
    target = smoothed(correct, weights)
    rate = float(np.average(target, weights=weights))
    parts = [log_chance(x), -log_chance(-x)]
    kept = [0, 1]
    while kept:
        found = _fitted([parts[k] for k in kept], target, weights, math.log(rate / (1.0 - rate)))
        low = int(np.argmin(found[:-1]))
        if found[low] >= 0.0:
            slopes = dict(zip(kept, found[:-1], strict=True))
            return float(slopes.get(0, 0.0)), float(slopes.get(1, 0.0)), float(found[-1])
        kept.pop(low)
    return 0.0, 0.0, math.log(rate / (1.0 - rate))


def log_chance(x: Floats) -> Floats:
    """ln σ(x)."""
    return np.asarray(-np.logaddexp(0.0, -x), dtype=np.float64)


def _fitted(parts: list[Floats], target: Floats, weights: Floats, level: float) -> Floats:
    centres = [float(np.average(part, weights=weights)) for part in parts]
    spreads = [float(np.std(part)) or 1.0 for part in parts]
    columns = [(part - c) / s for part, c, s in zip(parts, centres, spreads, strict=True)]
    z = np.stack([*columns, np.ones(len(target))], axis=1)
    found = fit_logistic(z, target, weights, np.append(np.zeros(len(parts)), level))
    slopes = found[:-1] / spreads
    return np.append(slopes, found[-1] - float(slopes @ np.array(centres)))
