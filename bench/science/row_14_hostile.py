"""Hostile or blind reviewers.

llmbar: the six AI reviewers with the plain prompt judge 252 pairs, most of them worse than chance; 50 golds drawn by
`default_rng(seed).permutation` (20 seeds), scored on the other pairs. Simulated: two of three reviewers are wrong nine
times of ten, 400 binary cases, 30 golds, 20 seeds, scored on the rest. crowd-kit's Dawid-Skene gets the same answers,
with and without the golds (`true_labels`).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from crowds import Answers, score, table
from figures import Figure, Options, over_seeds

from handrail.consensus.aggregate import aggregate
from handrail.consensus.majority import majority

NUMBER = 14
CLAIM = "Hostile or blind reviewers, golds choosing"


def run(options: Options) -> Iterator[Figure]:
    answers = [
        (row["item"], row["judge"], row["verdict"])
        for row in table(options.data / "llmbar" / "judge_verdicts.csv.gz")
        if row["method"].lower() == "vanilla" and row["verdict"] in ("1", "2")
    ]
    truth = {row["item"]: row["gold"] for row in table(options.data / "llmbar" / "items.csv.gz")}
    cases = sorted(truth)
    found, counted, theirs, known = [], [], [], []
    for seed in range(options.count(20)):
        picked = [cases[i] for i in np.random.default_rng(seed).permutation(len(cases))[:50]]
        golds = {case: truth[case] for case in picked}
        found.append(score(aggregate(answers, golds).consensus, truth, golds))
        counted.append(score(majority(answers), truth, golds))
        theirs.append(_crowd_kit(answers, truth, golds, given=False))
        known.append(_crowd_kit(answers, truth, golds, given=True))
    yield over_seeds(
        "accuracy on the rest, six AI reviewers of llmbar, 50 golds", found, target=0.78, better="higher",
        peers=_peers(counted, theirs, known),
    )  # fmt: skip
    yield _simulated(options)


def _simulated(options: Options) -> Figure:
    found, counted, theirs, known = [], [], [], []
    for seed in range(options.count(20)):
        rng = np.random.default_rng(seed)
        right = rng.integers(0, 2, 400)
        answers = [
            (str(i), who, str(int(t) ^ int(rng.random() > p)))
            for i, t in enumerate(right)
            for who, p in (("a", 0.1), ("b", 0.1), ("c", 0.9))
        ]
        truth = {str(i): str(t) for i, t in enumerate(right)}
        golds = {str(i): truth[str(i)] for i in range(30)}
        found.append(score(aggregate(answers, golds).consensus, truth, golds))
        counted.append(score(majority(answers), truth, golds))
        theirs.append(_crowd_kit(answers, truth, golds, given=False))
        known.append(_crowd_kit(answers, truth, golds, given=True))
    return over_seeds(
        "accuracy on the rest, two of three hostile, 30 golds", found, target=0.94, better="higher",
        peers=_peers(counted, theirs, known),
    )  # fmt: skip


def _peers(counted: list[float], theirs: list[float], known: list[float]) -> dict[str, float]:
    return {
        "majority": float(np.mean(counted)), "crowd-kit Dawid-Skene": float(np.mean(theirs)),
        "crowd-kit with golds": float(np.mean(known)),
    }  # fmt: skip


def _crowd_kit(answers: Answers, truth: dict[str, str], golds: dict[str, str], *, given: bool) -> float:
    try:
        import pandas as pd
        from crowdkit.aggregation import DawidSkene
    except ImportError:
        return float("nan")
    frame = pd.DataFrame(answers, columns=["task", "worker", "label"])
    more: dict[str, Any] = {"true_labels": pd.Series(golds)} if given else {}
    made = DawidSkene(n_iter=100).fit_predict(frame, **more).to_dict()
    return float(np.mean([made[case] == right for case, right in truth.items() if case in made and case not in golds]))
