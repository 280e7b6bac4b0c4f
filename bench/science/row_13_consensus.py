"""Truth from many answers: crowd_ti, eleven subsets, mean accuracy where truth is known, ties split.

Plain: no golds; the aggregation of handrail is Dawid-Skene with priors. With golds: per seed 50 known cases drawn by
`default_rng(seed).permutation` choose how answers are read; scored on the other known cases; the mean over subsets is
one value a seed (8 seeds). Speed: seconds of processor for the two largest subsets, crowd-kit's against ours in
turns (median, least and most of five), from the answers as they came to the label of every case on both sides.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import numpy as np
from crowds import crowd_ti, score
from figures import Figure, Options, over_seeds

from handrail.consensus.aggregate import aggregate
from handrail.consensus.answers import collect
from handrail.consensus.dawid_skene import dawid_skene
from handrail.consensus.majority import majority

NUMBER = 13
CLAIM = "Consensus: what is true by many answers"
GOLDS = 50
LARGE = ("trec", "relevance")


def run(options: Options) -> Iterator[Figure]:
    sets = crowd_ti(options.data)
    plain = {name: score(dawid_skene(answers).consensus, truth) for name, (answers, truth) in sets.items()}
    counted = {name: score(majority(answers), truth) for name, (answers, truth) in sets.items()}
    theirs = _crowd_kit(sets)
    mean = float(np.mean(list(plain.values())))
    yield Figure(
        what="accuracy, mean of 11 subsets, no golds", ours=mean, low=mean, high=mean, n=len(sets), target=0.821,
        better="higher", note="(no draw in it, so no interval)",
        peers={"majority": float(np.mean(list(counted.values()))), **theirs},
    )  # fmt: skip
    held = {name: collect(answers) for name, (answers, _) in sets.items()}
    found, chosen = [], []
    for seed in range(options.count(8)):
        each = []
        for name, (_, truth) in sets.items():
            cases = sorted(truth)
            picked = [cases[i] for i in np.random.default_rng(seed).permutation(len(cases))[:GOLDS]]
            golds = {case: truth[case] for case in picked}
            made = aggregate(held[name], golds)
            chosen.append(made.way != "dawid_skene")
            each.append(score(made.consensus, truth, golds))
        found.append(float(np.mean(each)))
    yield over_seeds(
        f"accuracy on the rest, {GOLDS} golds choosing", found, target=0.827, better="higher",
        note=f"(another way than Dawid-Skene in {np.mean(chosen):.0%} of the draws)",
    )  # fmt: skip
    for name in LARGE:
        yield _speed(name, sets[name][0])


def _speed(name: str, answers: Any) -> Figure:
    """Both in turns, so that both meet the same machine."""
    ours, theirs = [], []
    for _ in range(5):
        begun = time.process_time()
        dawid_skene(answers).consensus.labels()
        ours.append(time.process_time() - begun)
        theirs.append(_crowd_kit_seconds(answers))
    ratios = sorted(peer / own for peer, own in zip(theirs, ours, strict=True))
    return Figure(
        what=f"crowd-kit's seconds over ours, {name} ({len(answers):,} answers)", ours=ratios[2], low=ratios[0],
        high=ratios[-1], n=5, target=3.0, better="higher",
        peers={"seconds ours": sorted(ours)[2], "seconds crowd-kit": sorted(theirs)[2]},
    )  # fmt: skip


def _crowd_kit(sets: dict[str, Any]) -> dict[str, float]:
    """Accuracy of its Dawid-Skene and one-coin."""
    try:
        import pandas as pd
        from crowdkit.aggregation import DawidSkene, OneCoinDawidSkene
    except ImportError as error:
        print(f"no crowd-kit: {error}")
        nan = float("nan")
        return {"crowd-kit Dawid-Skene": nan, "crowd-kit one-coin": nan}
    found: dict[str, list[float]] = {"crowd-kit Dawid-Skene": [], "crowd-kit one-coin": []}
    for answers, truth in sets.values():
        frame = pd.DataFrame(answers, columns=["task", "worker", "label"])
        found["crowd-kit Dawid-Skene"].append(_share(DawidSkene(n_iter=100).fit_predict(frame), truth))
        found["crowd-kit one-coin"].append(_share(OneCoinDawidSkene(n_iter=100).fit_predict(frame), truth))
    return {name: float(np.mean(values)) for name, values in found.items()}


def _crowd_kit_seconds(answers: Any) -> float:
    try:
        import pandas as pd
        from crowdkit.aggregation import DawidSkene
    except ImportError:
        return float("nan")
    begun = time.process_time()
    DawidSkene(n_iter=100).fit_predict(pd.DataFrame(answers, columns=["task", "worker", "label"]))
    return time.process_time() - begun


def _share(made: Any, truth: dict[str, str]) -> float:
    known = made.to_dict()
    return float(np.mean([known[case] == right for case, right in truth.items() if case in known]))
