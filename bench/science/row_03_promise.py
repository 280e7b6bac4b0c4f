"""The promise of a threshold is kept, and much is let through.

Protocol: cifar10h_model is the population, the score its highest probability; n labels are drawn with replacement by
`default_rng(1000 + r)`, 300 draws (MAPIE 60), δ = 0.1. Broken: the error among the population at or above the cut is
above α. Automation: the share of the population at or above it.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np
from figures import Figure, Options, over_seeds, share
from gate_peers import mapie, naive, sgr
from streams import cifar10h_model

from handrail.calibration.thresholds import choose_threshold
from handrail.errors import NotEnoughEvidence

NUMBER = 3
CLAIM = "The promise is kept"
DELTA = 0.1
DRAWS, MAPIE_DRAWS = 300, 60
# (α, n): automation wanted
WANTED = {(0.01, 1000): 0.57, (0.02, 300): 0.61, (0.02, 1000): 0.80, (0.05, 300): 0.90}
PEERS: dict[str, tuple[int, Callable[..., float]]] = {
    "naive": (DRAWS, naive),
    "SGR": (DRAWS, sgr),
    "MAPIE as shipped": (MAPIE_DRAWS, mapie),
    "MAPIE quantiles": (MAPIE_DRAWS, partial(mapie, grid="quantiles")),
    "MAPIE fixed_sequence": (MAPIE_DRAWS, partial(mapie, grid="from n0", fwer="fixed_sequence")),
}


def ours(c: Any, right: Any, target: float, delta: float) -> float:
    try:
        found = choose_threshold(c, right, target, delta=delta).value
    except NotEnoughEvidence:
        return math.inf
    return math.inf if found is None else found


def run(options: Options) -> Iterator[Figure]:
    stream = cifar10h_model(options.data)
    top, right = stream.top, stream.right

    def outcomes(way: Callable[..., float], draws: int, target: float, n: int) -> tuple[list[bool], list[float]]:
        broken, automation = [], []
        for r in range(options.count(draws)):
            rows = np.random.default_rng(1000 + r).integers(0, len(top), n)
            passed = top >= way(top[rows], right[rows], target, DELTA)
            broken.append(bool(passed.any() and 1.0 - right[passed].mean() > target))
            automation.append(float(passed.mean()))
        return broken, automation

    for (target, n), wanted in WANTED.items():
        peers: dict[str, tuple[float, float]] = {}
        notes = []
        for name, (draws, way) in PEERS.items():
            try:
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")
                    broken, automation = outcomes(way, draws, target, n)
                peers[name] = (float(np.mean(broken)), float(np.mean(automation)))
            except Exception as error:
                peers[name] = (math.nan, math.nan)
                notes.append(f"{name}: {type(error).__name__}")
        broken, automation = outcomes(ours, DRAWS, target, n)
        what = f"α = {target:.0%}, n = {n}"
        note = "; ".join(notes)
        yield share(f"share of broken promises, {what}", sum(broken), len(broken), target=DELTA,
                    peers={name: pair[0] for name, pair in peers.items()}, note=note)  # fmt: skip
        yield over_seeds(f"automation, {what}", automation, target=wanted, better="higher",
                         peers={name: pair[1] for name, pair in peers.items()}, note=note)  # fmt: skip
