"""Isotonic regression by pooling adjacent violators: the non-decreasing curve of least squared error.

Ayer, Brunk, Ewing, Reid, Silverman (1955). Zadrozny and Elkan (2002) use it to calibrate.
"""

from __future__ import annotations

import numpy as np

from handrail.calibration.scores import Floats


def pool(x: Floats, y: Floats, weights: Floats) -> tuple[Floats, Floats]:
    """Knots (x, y) of the fitted curve: both ends of every block, x strictly rising, y never falling.

    Between knots the curve is interpolated, outside it is flat. Equal x are pooled first.
    """
    xs, ys, ws = _merge_equal(x, y, weights)
    means: list[float] = []
    masses: list[float] = []
    starts: list[int] = []
    for i, (value, mass) in enumerate(zip(ys.tolist(), ws.tolist(), strict=True)):
        start = i
        while means and means[-1] >= value:
            total = masses[-1] + mass
            value = (means.pop() * masses[-1] + value * mass) / total
            masses.pop()
            mass, start = total, starts.pop()
        means.append(value)
        masses.append(mass)
        starts.append(start)
    first = np.asarray(starts)
    last = np.append(first[1:], len(xs)) - 1
    ends = np.stack([first, last], axis=1)
    keep = np.stack([np.ones(len(first), dtype=bool), last > first], axis=1)
    levels = np.stack([means, means], axis=1)
    return xs[ends[keep]], np.asarray(levels[keep], dtype=np.float64)


def _merge_equal(x: Floats, y: Floats, weights: Floats) -> tuple[Floats, Floats, Floats]:
    xs, place = np.unique(x, return_inverse=True)
    ws = np.bincount(place, weights=weights).astype(np.float64)
    ys = np.bincount(place, weights=weights * y) / ws
    return xs, ys, ws
