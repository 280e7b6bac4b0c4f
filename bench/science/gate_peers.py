"""Peers of the gate rows: each takes (confidence, right, target, δ) and returns the cut it would let through from."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from handrail.binomial import least_cases, upper_bound

NOTHING = math.inf


def naive(c: Any, right: Any, target: float, delta: float) -> float:
    """The lowest cut whose error on the labels is at most the target."""
    del delta
    order = np.argsort(-c, kind="stable")
    wrong = np.cumsum(1.0 - right[order]) / np.arange(1, len(c) + 1)
    ends = np.append(c[order][1:] < c[order][:-1], True)
    good = np.flatnonzero((wrong <= target) & ends)
    return float(c[order][good[-1]]) if len(good) else NOTHING


def sgr(c: Any, right: Any, target: float, delta: float) -> float:
    """Geifman and El-Yaniv (2017), selection with guaranteed risk: binary search, each step at δ/⌈log₂ n⌉."""
    ranked, wrong = np.sort(c), 1.0 - right[np.argsort(c, kind="stable")]
    n = len(c)
    steps = math.ceil(math.log2(n))
    low, high, found = 0, n - 1, NOTHING
    for _ in range(steps):
        middle = (low + high + 1) // 2
        cut = ranked[middle]
        first = int(np.searchsorted(ranked, cut, side="left"))
        held = n - first
        if upper_bound(int(wrong[first:].sum()), held, delta / steps) <= target:
            found, high = min(found, float(cut)), middle
        else:
            low = middle
    return found


def mapie(c: Any, right: Any, target: float, delta: float, *, grid: str = "shipped", fwer: str | None = None) -> float:
    """MAPIE's control of precision. `grid`: as shipped, 100 quantiles, or quantiles from n₀ on, surest first."""
    from mapie.risk_control import BinaryClassificationController

    options: dict[str, Any] = {}
    if grid == "quantiles":
        options["list_predict_params"] = np.unique(np.quantile(c, np.linspace(0.0, 0.99, 100)))
    elif grid == "from n0":
        n, least = len(c), least_cases(2 if len(c) * target >= 12 else 0, target, delta)
        lengths = np.unique(np.linspace(least, n, min(100, n - least + 1)).round().astype(int))
        cuts = -np.sort(-c)[lengths - 1]
        options["list_predict_params"] = cuts[np.append(True, cuts[1:] < cuts[:-1])]
    if fwer is not None:
        options["fwer_method"] = fwer
    controller = BinaryClassificationController(
        lambda x: np.column_stack([1.0 - x[:, 0], x[:, 0]]), "precision", 1.0 - target, confidence_level=1.0 - delta,
        **options,
    )  # fmt: skip
    controller.calibrate(c[:, None], right.astype(int))
    valid = np.ravel(controller.valid_predict_params)
    return float(valid.min()) if len(valid) else NOTHING
