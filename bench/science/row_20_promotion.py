"""Promotion by e-process: looking after every case, false promotions at the limit, and what that costs in cases.

Simulated: cells whose share of misses is exactly the limit, looked at after each of 4,000 cases (20,000 runs at 5
and 2 %); how many are ever promoted. The peer is the exact binomial bound at 95 %, looked at just as often. Clean cases
needed are counted against the fixed sample that may be looked at once. e-BH: 40 cells, 30 of them at the limit, each
taken where it stood best; the share of false ones among those promoted. Delay: cells with a tenth of the limit.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
from figures import Figure, Options, over_seeds, share

from handrail.binomial import least_cases
from handrail.calibration.monitors.below import cases_needed, log_e_below
from handrail.learning.promotion import LEVEL, passing

NUMBER = 20
CLAIM = "promotion"
LOOKS = 4_000
CHUNK = 500


def run(options: Options) -> Iterator[Figure]:
    for limit in (0.05, 0.02):
        yield _false(limit, options.count(20_000))
    for limit in (0.05, 0.02, 0.01):
        clean, fixed = cases_needed(limit, level=LEVEL), least_cases(0, limit, 0.05)
        more = 100.0 * (clean / fixed - 1.0)
        yield Figure(
            what=f"clean cases beyond the fixed sample, %, limit {limit:.0%}", ours=more, low=more, high=more, n=1,
            target=12.0, note=f"{clean} against {fixed}; with one miss {cases_needed(limit, wrong=1, level=LEVEL)}",
        )  # fmt: skip
    yield _together(options.count(2_000))
    yield _delay(0.05, options.count(2_000))


def _misses(rng: np.random.Generator, rate: float, runs: int, n: int) -> np.ndarray:
    return np.cumsum(rng.random((runs, n), dtype=np.float32) < rate, axis=1, dtype=np.int32)


def _false(limit: float, runs: int) -> Figure:
    rng = np.random.default_rng(20)
    at = np.arange(1, LOOKS + 1)
    ours = exact = 0
    # the fewest cases with which so many misses pass the exact bound
    most = int(LOOKS * limit + 12 * math.sqrt(LOOKS * limit))
    passes_from = np.array([least_cases(k, limit, 0.05) for k in range(most + 1)])
    for start in range(0, runs, CHUNK):
        misses = _misses(rng, limit, min(CHUNK, runs - start), LOOKS)
        ours += int((log_e_below(misses, at, limit) >= math.log(LEVEL)).any(axis=1).sum())
        exact += int((at >= passes_from[np.minimum(misses, most)]).any(axis=1).sum())
    return share(
        f"ever promoted at the limit, {limit:.0%}, looked at after each of {LOOKS} cases", ours, runs, target=0.05,
        peers={"exact bound": exact / runs},
    )  # fmt: skip


def _together(runs: int) -> Figure:
    """40 cells by e-BH, each where it stood best within 600 cases."""
    rng, limit, n = np.random.default_rng(21), 0.05, 600
    rates = np.r_[np.full(30, limit), np.full(10, limit / 10)]
    shares, alone = [], []
    for _ in range(runs):
        misses = np.cumsum(rng.random((40, n)) < rates[:, None], axis=1)
        best = log_e_below(misses, np.arange(1, n + 1)[None, :], limit).max(axis=1)
        chosen = passing(best.tolist())
        shares.append(sum(i < 30 for i in chosen) / max(1, len(chosen)))
        passed = np.flatnonzero(best >= math.log(LEVEL))
        alone.append(float((passed < 30).mean()) if len(passed) else 0.0)
    return over_seeds(
        "false among those promoted, 40 cells, 30 of them at the limit of 5 %", shares, target=0.05,
        peers={"each cell by itself": float(np.mean(alone))},
    )  # fmt: skip


def _delay(limit: float, runs: int) -> Figure:
    n = 1_000
    misses = _misses(np.random.default_rng(22), limit / 10, runs, n)
    passed = log_e_below(misses, np.arange(1, n + 1), limit) >= math.log(LEVEL)
    first = np.where(passed.any(axis=1), passed.argmax(axis=1) + 1, n)
    return over_seeds(
        "cases until promoted, misses a tenth of 5 %", first.astype(float).tolist(),
        note=f"{passed.any(axis=1).mean():.1%} within {n}",
    )  # fmt: skip
