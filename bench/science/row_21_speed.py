"""Speed and scale, on one core. Each part is a function of its own: append it to `PARTS`.

Seconds of processor, the median of a few runs in one process (run it with OMP_NUM_THREADS=1); the interval is the
fastest and the slowest. Scores are simulated with seed 0.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from figures import Figure, Options
from scipy.special import expit
from sklearn.isotonic import IsotonicRegression

from handrail.calibration.confusion import assumed
from handrail.calibration.fit import fit
from handrail.calibration.picking import Evidence, fit_method
from handrail.calibration.scores import read_scores
from handrail.calibration.value import asking_value, cheapest_tier, zero_one
from handrail.consensus.answers import collect
from handrail.consensus.dawid_skene import dawid_skene

NUMBER = 21
CLAIM = "Speed"
SCORES = 1_000_000


def timed(what: str, work: Callable[[], Any], options: Options, **fields: Any) -> Figure:
    """How many seconds `work` takes."""
    taken = []
    for _ in range(options.count(5)):
        begun = time.process_time()
        work()
        taken.append(time.process_time() - begun)
    middle = statistics.median(taken)
    return Figure(what=what, ours=middle, low=min(taken), high=max(taken), n=len(taken), **fields)


def scalar_fits(options: Options) -> Iterator[Figure]:
    """One fit of each scalar method on a million scores, reading and checking them included; then all of them,
    cross-fitted, and the best picked.
    """
    rng = np.random.default_rng(0)
    true = rng.normal(1.0, 1.5, SCORES)
    scores, right = expit(2.0 * true), rng.random(SCORES) < expit(true)
    ones, said = np.ones(SCORES), right.astype(np.float64)
    for method in ("temperature", "platt", "beta", "isotonic"):

        def one(method: Any = method) -> None:
            read = read_scores(scores, "probability")
            fit_method(method, Evidence(read=read, right=said, weights=ones))

        peers = {}
        if method == "isotonic":
            begun = time.process_time()
            IsotonicRegression(out_of_bounds="clip").fit(scores, said)
            peers["scikit-learn"] = time.process_time() - begun
        yield timed(f"{method}, fit on {SCORES:,} scores, seconds", one, options, target=2.0, peers=peers)
    yield timed(
        f"all scalar methods on {SCORES:,} scores, picked, seconds",
        lambda: fit("auto", scores, right, fitted_at=0), options,
    )  # fmt: skip
    made = fit("auto", scores, right, fitted_at=0)
    yield timed(f"apply to {SCORES:,} scores, seconds", lambda: made.apply_many(scores), options)


# classes, and the seconds a million gates took the authors of the rule
GATES = {2: 0.15, 3: 0.22, 10: 0.90}


def gates(options: Options) -> Iterator[Figure]:
    """The value of asking, one reviewer's answer fused, and the cheapest tier."""
    rng = np.random.default_rng(0)
    for classes, anchor in GATES.items():
        p = rng.random(SCORES) if classes == 2 else rng.dirichlet(np.ones(classes), SCORES)
        costs, reviewers = zero_one(classes, review=0.02, undo=0.5), assumed([str(name) for name in range(classes)])
        yield timed(
            f"{SCORES:,} gates of {classes} classes, seconds",
            lambda p=p, costs=costs, reviewers=reviewers: cheapest_tier(asking_value(p, costs, reviewers), costs),
            options, target=1.0, peers={"anchor": anchor},
        )  # fmt: skip


def consensus(options: Options) -> Iterator[Figure]:
    """Dawid-Skene with priors on 100,000 answers of 100 reviewers about 20,000 cases, reading them apart."""
    for classes in (2, 4):
        rng = np.random.default_rng(0)
        truth, case = rng.integers(0, classes, 20_000), np.repeat(np.arange(20_000), 5)
        who, skill = rng.integers(0, 100, 100_000), rng.uniform(0.55, 0.95, 100)
        said = np.where(rng.random(100_000) < skill[who], truth[case], rng.integers(0, classes, 100_000))
        rows = [(f"c{c}", f"r{w}", str(s)) for c, w, s in zip(case, who, said, strict=True)]
        answers = collect(rows)
        yield timed(
            f"Dawid-Skene, 100,000 answers, {classes} labels, seconds",
            lambda answers=answers: dawid_skene(answers).consensus.labels(),
            options, target=0.3, peers=_crowd_kit_seconds(rows),
        )  # fmt: skip
        yield timed(f"reading these answers, {classes} labels, seconds", lambda rows=rows: collect(rows), options)


def _crowd_kit_seconds(rows: list[tuple[str, str, str]]) -> dict[str, float]:
    try:
        import pandas as pd
        from crowdkit.aggregation import DawidSkene
    except ImportError:
        return {"crowd-kit": float("nan")}
    frame = pd.DataFrame(rows, columns=["task", "worker", "label"])
    begun = time.process_time()
    DawidSkene(n_iter=100).fit(frame)
    return {"crowd-kit": time.process_time() - begun}


PARTS: list[Callable[[Options], Iterator[Figure]]] = [scalar_fits, gates, consensus]


def run(options: Options) -> Iterator[Figure]:
    for part in PARTS:
        yield from part(options)
