"""The other alarms: confidence that promises too much, a share of people's cases off its aim, scores that move.

Protocol: simulated. Confidence σ(x), right with chance σ(x·slope); x ~ N(3.5, 1.5), for which a calibrated stream has
the ECE-15 of a usual one (.048 at 100 labels, .030 at 300); 1,000 streams of 300 labels, looked at after each. Peers on
the same streams: ECE over 15 equal-width bins above 0.05 (looked at once, and after every 20 labels from 100 on), and a
one-sided z-test of mean confidence after every 20. Share: aim 15 %, 300 streams, half of 5 % on each side. Scores: at
level 1 %, 60 streams of 8,000; unsure cases three times as many after 3,000, 100 streams.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from figures import Figure, Options, over_seeds, share
from numpy.typing import NDArray
from row_08_error_alarm import flips, median, parts
from scipy import stats

from handrail.calibration.monitors.alarm import first_alarm
from handrail.calibration.monitors.confidence import Miscalibration
from handrail.calibration.monitors.scores import ScoresMoved
from handrail.calibration.monitors.share import share_above, share_below

NUMBER = 9
CLAIM = "Other alarms"
LEVEL, LABELS, EVERY = 0.05, 300, 20
SLOPES = ((1.0, "false alarms", LEVEL), (1 / 1.25, "power, slope 1/1.25", None), (1 / 1.5, "power, slope 1/1.5", 0.75))


def labelled(slope: float, streams: int, n: int = LABELS) -> tuple[NDArray[Any], NDArray[Any]]:
    draws = np.random.default_rng(5)
    x = draws.normal(3.5, 1.5, (streams, n))
    return 1 / (1 + np.exp(-x)), draws.random((streams, n)) < 1 / (1 + np.exp(-slope * x))


def ece(confidence: NDArray[Any], right: NDArray[Any]) -> float:
    bins = np.minimum((confidence * 15).astype(int), 14)
    gaps = np.bincount(bins, weights=confidence - right, minlength=15)
    return float(np.abs(gaps).sum() / len(confidence))


def by_ece(confidence: NDArray[Any], right: NDArray[Any], looks: range) -> float:
    """The share of streams on which "ECE above 0.05" ever holds."""
    each = zip(confidence, right, strict=True)
    return float(np.mean([any(ece(c[:n], z[:n]) > 0.05 for n in looks) for c, z in each]))


def by_z(confidence: NDArray[Any], right: NDArray[Any]) -> float:
    """The share of streams on which a z-test of mean confidence, after every 20 labels, ever alarms."""
    gap, spread = np.cumsum(confidence - right, axis=1), np.cumsum(confidence * (1 - confidence), axis=1)
    looks = (gap / np.sqrt(np.maximum(spread, 1e-9)))[:, 2 * EVERY - 1 :: EVERY]
    return float((looks > stats.norm.ppf(1 - LEVEL)).any(axis=1).mean())


def run(options: Options) -> Iterator[Figure]:
    yield from confidence(options)
    yield from shares(options)
    yield from scores(options)


def confidence(options: Options) -> Iterator[Figure]:
    monitor = Miscalibration(side="over")
    for slope, what, wanted in SLOPES:
        c, z = labelled(slope, options.count(1000))
        found = first_alarm(monitor.path(c, z), LEVEL) > 0
        peers = {"z-test every 20": by_z(c, z), "ECE > 0.05 once": by_ece(c[:300], z[:300], range(LABELS, LABELS + 1)),
                 "ECE > 0.05 every 20": by_ece(c[:300], z[:300], range(100, LABELS + 1, EVERY))}  # fmt: skip
        yield share(f"overconfidence, n = {LABELS}: {what}", int(found.sum()), len(found), target=wanted,
                    better="lower" if slope == 1.0 else "higher", peers=peers)  # fmt: skip


def shares(options: Options) -> Iterator[Figure]:
    streams = options.count(300)
    for true, what in ((0.15, "at its aim"), (0.165, "a tenth above it")):
        found = first_alarm(share_above(0.15).path(flips(true, streams, 20_000, 4)), LEVEL / 2)
        yield share(f"share {what}: false alarms in 20,000", int((found > 0).sum()), streams, target=LEVEL)
    for true, wanted in ((0.18, 5000.0), (0.21, None)):
        found = first_alarm(share_above(0.15).path(flips(true, streams, 20_000, 4)), LEVEL / 2)
        yield over_seeds(f"cases until a share of {true:.0%} is found", parts(found), target=wanted)
    found = first_alarm(share_below(0.15).path(flips(0.12, streams, 20_000, 4)), LEVEL / 2)
    yield over_seeds("cases until a share of 12% is found", parts(found))


def scores(options: Options) -> Iterator[Figure]:
    draws, monitor = np.random.default_rng(6), ScoresMoved()
    still = draws.beta(5, 1, (options.count(60), 8000))
    found = first_alarm(monitor.path(still, draws.random(still.shape)), 0.01)
    what = "scores that do not move: false alarms in 8,000 at level 1 %"
    yield share(what, int((found > 0).sum()), len(found), target=LEVEL)
    for times in (2, 3):
        unsure = draws.random((options.count(100), 5000)) < np.where(np.arange(5000) < 3000, 0.1, 0.1 * times)
        moved = np.where(unsure, draws.uniform(0, 0.8, unsure.shape), draws.uniform(0.8, 1, unsure.shape))
        found = first_alarm(monitor.path(moved, draws.random(moved.shape)), 0.01)
        after = np.where(found > 3000, found - 3000, 0)
        note = f"median delay {median(after):.0f}" if (after > 0).mean() > 0.5 else ""
        what = f"scores, {times} times the unsure cases: found within 2,000"
        yield share(what, int((after > 0).sum()), len(after), better="higher", note=note)
