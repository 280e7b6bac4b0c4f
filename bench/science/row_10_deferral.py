"""Row 10: a team of model and one person per case, 70/10/20 split per seed, the operating point chosen on validation.

Model: ridge vector scaling fitted on train. Person: one real answer drawn per case. Four rules of
`handrail.learning.deferral`; the matrices and weights come from train, the cut from validation, figures from test.
Target: the rule with fitted weights. 20 seeds (davidson_tweets 10).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from figures import Figure, Options, over_seeds
from people import one_each, scaled
from streams import Stream, cifar10h_model, davidson_tweets, imagenet16h

from handrail.learning.deferral import RULES, fit_deferral
from handrail.learning.fusion_fit import fit_fusion

NUMBER = 10
CLAIM = "Deferral: model and one person together beat either, and every rule that swaps one for the other"
SETS: tuple[tuple[str, Callable[[Path], Stream], int, float], ...] = (
    ("cifar10h_model", cifar10h_model, 20, 97.1),
    ("imagenet16h 80", lambda data: imagenet16h(data, noise=80), 20, 93.5),
    ("imagenet16h 110", lambda data: imagenet16h(data, noise=110), 20, 89.5),
    ("davidson_tweets", davidson_tweets, 10, 92.9),
)
# human_ai_deferral (no licence, so no part of this run): its classes, trained until validation stopped rising
ANCHORS = {
    "cifar10h_model": {"RealizableSurrogate": 96.4, "LCE": 96.0, "OvA": 95.8, "CompareConfidence": 97.0},
    "imagenet16h 80": {"RealizableSurrogate": 91.2, "LCE": 90.6, "OvA": 89.9, "SelectivePrediction": 92.6},
    "imagenet16h 110": {"RealizableSurrogate": 86.2, "LCE": 82.4, "OvA": 82.8, "SelectivePrediction": 86.2},
    "davidson_tweets": {"RealizableSurrogate": 92.2, "LCE": 91.3, "OvA": 91.3, "SelectivePrediction": 92.4},
}


def run(options: Options) -> Iterator[Figure]:
    for name, read, usual, target in SETS:
        stream = read(options.data)
        found: dict[str, list[float]] = defaultdict(list)
        for seed in range(options.count(usual)):
            for rule, value in accuracies(stream, seed).items():
                found[rule].append(100.0 * value)
        peers = {rule: float(np.mean(values)) for rule, values in found.items() if rule != "weighted"}
        yield over_seeds(
            f"accuracy %, {name}, fused by fitted weights", found["weighted"], target=target, better="higher",
            peers=peers,
        )  # fmt: skip
        first = found["weighted"][: 3 if name == "davidson_tweets" else 5]
        yield over_seeds(
            f"accuracy %, {name}, the first {len(first)} seeds", first, better="higher",
            peers={f"{peer} (anchor)": value for peer, value in ANCHORS[name].items()},
            note="human_ai_deferral: anchor, not run here; its splits are others, so nothing is claimed",
        )  # fmt: skip


def accuracies(stream: Stream, seed: int) -> dict[str, float]:
    rng = np.random.default_rng(seed)
    order = rng.permutation(len(stream))
    a, b = int(0.7 * len(stream)), int(0.8 * len(stream))
    train, check, test = order[:a], order[a:b], order[b:]
    y, h = stream.truth, one_each(stream, rng)
    q = scaled(stream.take(train), stream.p)
    fusion = fit_fusion(stream.classes, q[train], y[train], h[train, None])
    made = {
        "model alone": float((q[test].argmax(axis=1) == y[test]).mean()),
        "person alone": float((h[test] == y[test]).mean()),
    }
    for rule in RULES:
        fitted = fit_deferral(rule, fusion, q[check], y[check], h[check])
        made[rule] = float((fitted.answers(q[test], h[test]) == y[test]).mean())
    return made
