"""Fewer labels for the same knowledge of what was let through.

Protocol: cifar10h_model; what confidence lets through at t = 0.8 and 0.95 is the population, 300 checks
are expected of it, 2,000 runs of `default_rng(7)`. Each case is checked by chance alone (uniform) or by π ∝ √(q(1 − q))
with a floor of 0.2 of the mean. Confidence is temperature-scaled on the whole stream; the estimate is AIPW.
Labels saved at equal root mean square error against the plain mean of 300 uniform checks: 1 − (RMSE / RMSE uniform)².
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from figures import Figure, Options, over_seeds
from numpy.typing import NDArray
from streams import cifar10h_model

from handrail.calibration.aipw import LetThrough, estimate
from handrail.calibration.neyman import chances
from handrail.calibration.temperature import fit_temperature

NUMBER = 7
CLAIM = "Spot checks: fewer labels for the same estimate"
CHECKS, RUNS, BATCHES = 300, 2000, 20
# threshold: share of labels to save
WANTED = {0.8: 45.0, 0.95: 30.0}


def errors(
    c: NDArray[np.float64], wrong: NDArray[np.float64], pi: NDArray[np.float64], runs: int, *, plain: bool = False
) -> NDArray[np.float64]:
    """The error of the estimate in each run."""
    draws = np.random.default_rng(7)
    cases, made = LetThrough.of(c), np.empty(runs)
    for run in range(runs):
        seen = draws.random(len(c)) < pi
        made[run] = wrong[seen].mean() if plain else estimate(cases, c[seen], pi[seen], wrong[seen]).value
    return made - float(wrong.mean())


def saved(found: NDArray[np.float64], uniform: NDArray[np.float64]) -> list[float]:
    """Percent of labels saved, in each of twenty parts of the runs."""
    return [
        100.0 * (1.0 - float((a**2).mean() / (b**2).mean()))
        for a, b in zip(np.array_split(found, BATCHES), np.array_split(uniform, BATCHES), strict=True)
    ]  # fmt: skip


def run(options: Options) -> Iterator[Figure]:
    stream = cifar10h_model(options.data)
    logs = np.log(np.maximum(stream.p, 1e-12))
    warm = logs / np.exp(fit_temperature(logs, stream.right, np.ones(len(stream)), stream.truth))
    confidence = 1.0 / np.exp(warm - warm.max(axis=1, keepdims=True)).sum(axis=1)
    runs = options.count(RUNS)
    for cut, wanted in WANTED.items():
        passed = confidence >= cut
        c, wrong = confidence[passed], 1.0 - stream.right[passed]
        even = np.full(len(c), CHECKS / len(c))
        weighted = chances(c, CHECKS / len(c))
        weighted *= CHECKS / weighted.sum()
        uniform = errors(c, wrong, even, runs, plain=True)
        alone = errors(c, wrong, even, runs)
        ours = errors(c, wrong, weighted, runs)
        yield over_seeds(
            f"bias × 1000, t = {cut} (error {wrong.mean():.2%})", list(1000.0 * abs_bias(ours)), target=1.0,
            peers={"uniform": 1000.0 * abs(float(uniform.mean()))},
        )  # fmt: skip
        share = saved(ours, uniform)
        yield over_seeds(
            f"labels saved %, t = {cut}", share, target=wanted, better="higher",
            peers={"AIPW on uniform checks": float(np.mean(saved(alone, uniform))), "uniform": 0.0},
        )  # fmt: skip


def abs_bias(found: NDArray[np.float64]) -> NDArray[np.float64]:
    """The bias in each of twenty parts of the runs, with the sign of the whole."""
    parts = np.array([part.mean() for part in np.array_split(found, BATCHES)])
    return parts * float(np.sign(found.mean()))
