"""Calibration pays: what the gate costs when it follows `confidence ≥ 1 − r`, above the best cut of the raw score.

Protocol: seed s permutes the stream (`Stream.split`), the first n rows fit, the rest test; 20 seeds, 10 on
davidson_tweets, 5 on banking77. Ours is `fit("auto")` with the true classes; its confidence is that of the model's own
answer. An error costs 1, a review r, and reviewers are perfect. `pick and fit` is the slowest
stream's median of processor time, one thread.
"""

from __future__ import annotations

import statistics
import time
from collections import Counter
from collections.abc import Iterator

from calibration_peers import against, mapie, netcal_histogram, raw, scikit_learn, venn_abers
from figures import Figure, Options
from streams import STREAMS, regret

from handrail.calibration.fit import fit

NUMBER = 1
CLAIM = "Calibration pays"
N, R = 1_000, 0.02
# seeds and target of each stream
WANTED = {
    "cifar10h_model": (20, 4.4),
    "davidson_tweets logistic": (10, 1.0),
    "davidson_tweets naive Bayes": (10, 3.0),
    "banking77": (5, 0.3),
}
PEERS = {
    "raw": raw,
    "scikit-learn temperature": scikit_learn("temperature"),
    "scikit-learn sigmoid": scikit_learn("sigmoid"),
    "scikit-learn isotonic": scikit_learn("isotonic"),
    "netcal histogram": netcal_histogram,
    "MAPIE sigmoid": mapie("sigmoid"),
    "MAPIE isotonic": mapie("isotonic"),
    "venn-abers": venn_abers,
}


def run(options: Options) -> Iterator[Figure]:
    slowest: list[float] = []
    for name, (seeds, target) in WANTED.items():
        stream = STREAMS[name](options.data)
        pairs = [stream.split(N, seed) for seed in range(options.count(seeds))]
        ours, taken, picked = [], [], Counter[str]()
        for known, test in pairs:
            begun = time.process_time()
            made = fit("auto", known.p, truth=known.truth, fitted_at=0)
            taken.append(time.process_time() - begun)
            picked[made.method] += 1
            ours.append(regret(made.apply_many(test.p), test, R))
        slowest = max(slowest, taken, key=lambda times: statistics.median(times) if times else 0.0)
        yield against(PEERS, pairs, ours, picked, name=name, n=N, r=R, target=target)
    middle = statistics.median(slowest)
    yield Figure(
        what="pick and fit, seconds of processor (slowest stream, median)",
        ours=middle, low=min(slowest), high=max(slowest),
        n=len(slowest), target=0.3, note="interval: fastest and slowest",
    )  # fmt: skip
