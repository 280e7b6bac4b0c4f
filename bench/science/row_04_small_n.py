"""A promise from few labels: conformal selection lets much through where no certificate can be had, on average.

Protocol: cifar10h_model as population; n labels and a batch of 500 are drawn with replacement by `default_rng(r)`, 400
runs; how much goes through hangs on where a few errors fall, so 1,600 further runs stand beside. Error: wrong of what
is let through of the batch, 0 where nothing is.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from figures import Figure, Options, over_seeds
from streams import cifar10h_model

from handrail.calibration.selection import select
from handrail.calibration.thresholds import choose_threshold
from handrail.errors import NotEnoughEvidence

NUMBER = 4
CLAIM = "A promise on average, from few labels"
RUNS, FURTHER, BATCH = 400, 1600, 500
# (α, n): automation wanted
WANTED = {(0.02, 100): 0.74, (0.01, 300): 0.72, (0.05, 100): None, (0.02, 1000): None}


def run(options: Options) -> Iterator[Figure]:
    stream = cifar10h_model(options.data)
    top, right = stream.top, stream.right
    runs, further = options.count(RUNS), options.count(FURTHER)
    for (target, n), wanted in WANTED.items():
        errors, automation, certified = [], [], []
        for r in range(runs + further):
            rng = np.random.default_rng(r)
            known, batch = rng.integers(0, len(top), n), rng.integers(0, len(top), BATCH)
            chosen = select(top[known], right[known], top[batch], target).chosen
            errors.append(float(1.0 - right[batch][chosen].mean()) if chosen.any() else 0.0)
            automation.append(float(chosen.mean()))
            if r < runs:
                certified.append(_certified(top, right, known, batch, target))
        what = f"α = {target:.0%}, n = {n}, batches of {BATCH}"
        yield over_seeds(f"mean error, {what}", errors[:runs], target=target)
        yield over_seeds(f"automation, {what}", automation[:runs], target=wanted, better="higher",
                         peers={"learn-then-test": float(np.mean(certified))})  # fmt: skip
        if wanted is not None:
            yield over_seeds(f"mean error, {what}, further runs", errors[runs:], target=target)
            yield over_seeds(f"automation, {what}, further runs", automation[runs:], better="higher")


def _certified(top: np.ndarray, right: np.ndarray, known: np.ndarray, batch: np.ndarray, target: float) -> float:
    try:
        cut = choose_threshold(top[known], right[known], target).value
    except NotEnoughEvidence:
        return 0.0
    return 0.0 if cut is None else float((top[batch] >= cut).mean())
