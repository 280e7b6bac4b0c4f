"""Few labels: the same as row 1 with n = 200, where methods of many numbers overfit. 20 seeds."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from calibration_peers import against, raw, scikit_learn, venn_abers
from figures import Figure, Options
from streams import STREAMS, regret

from handrail.calibration.fit import fit

NUMBER = 2
CLAIM = "Few labels"
N, R = 200, 0.02
WANTED = {"cifar10h_model": 11.5, "imagenet16h vgg19 110": 5.0}
PEERS = {
    "raw": raw,
    "scikit-learn temperature": scikit_learn("temperature"),
    "scikit-learn isotonic": scikit_learn("isotonic"),
    "venn-abers": venn_abers,
}


def run(options: Options) -> Iterator[Figure]:
    for name, target in WANTED.items():
        stream = STREAMS[name](options.data)
        pairs = [stream.split(N, seed) for seed in range(options.count(20))]
        ours, picked = [], Counter[str]()
        for known, test in pairs:
            made = fit("auto", known.p, truth=known.truth, fitted_at=0)
            picked[made.method] += 1
            ours.append(regret(made.apply_many(test.p), test, R))
        yield against(PEERS, pairs, ours, picked, name=name, n=N, r=R, target=target)
