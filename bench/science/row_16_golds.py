"""Gold tests, simulated: how many golds the sequential test takes, and how often it is wrong.

20,000 reviewers each, accuracy exactly at the good or the bad line, errors of 5 % asked for on both sides. Beside it
the smallest fixed number of golds whose one cut keeps both errors at 5 %.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from figures import Figure, Options, share
from scipy import stats

from handrail.consensus.gold_test import GoldTest

NUMBER = 16
CLAIM = "Gold tests: a careless reviewer is found early"
RUNS = 20_000
LINES = ((0.95, 0.85, 56, 43), (0.95, 0.90, 167, 140), (0.90, 0.80, 75, 66), (0.90, 0.70, 24, 20))


def run(options: Options) -> Iterator[Figure]:
    runs = options.count(RUNS)
    for good, bad, fine, poor in LINES:
        test = GoldTest(good=good, bad=bad)
        fixed = float(_fixed(good, bad))
        for accuracy, anchor, wrong_when in ((good, fine, True), (bad, poor, False)):
            golds, flagged = _play(test, accuracy, runs)
            half = 1.96 * float(golds.std()) / runs**0.5
            mean = float(golds.mean())
            word = "fine" if wrong_when else "bad"
            yield Figure(
                what=f"golds until it speaks, {good}/{bad}, reviewer {word}", ours=mean, low=mean - half,
                high=mean + half, n=runs, target=anchor * 1.05, peers={"fixed number": fixed},
                note=f"(95 % within {np.quantile(golds, 0.95):.0f})",
            )  # fmt: skip
            errors = int((flagged == wrong_when).sum())
            yield share(f"wrong verdicts, {good}/{bad}, reviewer {word}", errors, runs, target=0.05)


def _play(test: GoldTest, accuracy: float, runs: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(round(accuracy * 1_000))
    evidence, golds = np.zeros(runs), np.zeros(runs)
    flagged = np.zeros(runs, dtype=bool)
    live = np.arange(runs)
    while len(live):
        evidence[live] += np.where(rng.random(len(live)) < accuracy, test.right, test.wrong)
        golds[live] += 1
        flagged[live] = evidence[live] >= test.line
        live = live[np.abs(evidence[live]) < test.line]
    return golds, flagged


def _fixed(good: float, bad: float) -> int:
    for n in range(10, 2_000):
        cut = int(stats.binom.ppf(0.05, n, good)) - 1
        # flag at `cut` right or fewer
        for k in (cut, cut + 1):
            if stats.binom.cdf(k, n, good) <= 0.05 and stats.binom.sf(k, n, bad) <= 0.05:
                return n
    return 2_000
