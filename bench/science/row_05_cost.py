"""Total cost: asking where s · V exceeds the price of a review, the answer fused with the model.

Protocol: cifar10h_model and imagenet16h (vgg19; noise 80, 95, 110, 125), reviews at .005, .01, .02, .05, .1 errors,
20 seeds. 1,000 labelled, reviewed cases (imagenet16h: 300 of 715) fit the calibrator, the reviewers' table and s; the
rest is scored. One person's answer a case is drawn from the counts. Cost per case: 1 for an error, r for a review.
Each figure is a ratio to `V > r, fuse` (s = 1), so 1 is that rule.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from figures import Figure, Options, over_seeds
from people import one_each
from streams import Stream, cifar10h_model, imagenet16h

from handrail.calibration.confusion import learn_confusion
from handrail.calibration.fit import fit
from handrail.calibration.value import (
    ask_with_errors,
    asking_value,
    fused,
    realised_gains,
    slope,
    zero_one,
)

NUMBER = 5
CLAIM = "Total cost"
PRICES = (0.005, 0.01, 0.02, 0.05, 0.1)
SEEDS = 20
FIXED = {"fixed 0.95": 0.95, "fixed 0.80": 0.80}
RULES = (
    "V > r, fuse", "s·V > r, fuse", *FIXED, "calibrated, perfect reviewer", "reviewer error in", "review all"
)  # fmt: skip


def streams(options: Options) -> list[tuple[Stream, int]]:
    noisy = [(imagenet16h(options.data, noise=noise), 300) for noise in (80, 95, 110, 125)]
    return [(cifar10h_model(options.data), 1000), *noisy]


def paid(known: Stream, test: Stream, said: Any, heard: Any, r: float, scale: Any) -> dict[str, float]:
    """Cost per 100 cases of each rule. `said`, `heard`: a person's answer on known and on test cases."""
    classes = len(known.classes)
    costs = zero_one(classes, review=r)
    table = learn_confusion(known.truth, said, known.classes)
    p, before = scale.chances_many(test.p), scale.chances_many(known.p)
    s = slope(realised_gains(before, known.truth, said, costs, table), asking_value(before, costs, table))
    value = asking_value(p, costs, table)
    alone, together = p.argmax(axis=1), fused(p, table, heard).argmax(axis=1)
    return {
        "V > r, fuse": _cost(value > r, together, alone, test, r),
        "s·V > r, fuse": _cost(s * value > r, together, alone, test, r),
        **{name: _cost(test.top < cut, heard, test.p.argmax(axis=1), test, r) for name, cut in FIXED.items()},
        "calibrated, perfect reviewer": _cost(1.0 - p.max(axis=1) > r, heard, alone, test, r),
        "reviewer error in": _cost(ask_with_errors(p, costs, table), heard, alone, test, r),
        "review all": _cost(np.ones(len(test), dtype=bool), heard, alone, test, r),
    }


def _cost(ask: Any, asked: Any, alone: Any, test: Stream, r: float) -> float:
    return float(100.0 * ((np.where(ask, asked, alone) != test.truth).mean() + r * ask.mean()))


def run(options: Options) -> Iterator[Figure]:
    seeds = options.count(SEEDS)
    found: dict[tuple[str, float], dict[str, list[float]]] = {}
    for stream, n in streams(options):
        for seed in range(seeds):
            known, test = stream.split(n, seed)
            rng = np.random.default_rng(seed)
            said, heard = one_each(known, rng), one_each(test, rng)
            scale = fit("auto", known.p, truth=known.truth, names=known.classes, fitted_at=0)
            for r in PRICES:
                kept = found.setdefault((stream.name, r), {rule: [] for rule in RULES})
                for rule, cost in paid(known, test, said, heard, r, scale).items():
                    kept[rule].append(cost)
    ratios = {rule: np.mean([np.array(each[rule]) / np.array(each["V > r, fuse"]) for each in found.values()], axis=0)
              for rule in RULES}  # fmt: skip
    yield over_seeds(
        "cost over V > r, five streams × five prices", ratios["s·V > r, fuse"].tolist(), target=0.98,
        peers={rule: float(ratios[rule].mean()) for rule in RULES if rule != "s·V > r, fuse"},
    )  # fmt: skip
    mean = {key: {rule: float(np.mean(costs)) for rule, costs in each.items()} for key, each in found.items()}
    for cut in FIXED:
        worst = max(mean, key=lambda key: mean[key]["s·V > r, fuse"] / mean[key][cut])
        against = np.array(found[worst]["s·V > r, fuse"]) / mean[worst][cut]
        yield over_seeds(f"dearest against {cut}: {worst[0]}, r = {worst[1]:g}", against.tolist(), target=1.02)
    for (name, r), each in found.items():
        if r in (0.005, 0.02, 0.05):
            yield over_seeds(
                f"cost per 100, {name}, r = {r:g}", each["s·V > r, fuse"],
                peers={rule: mean[name, r][rule] for rule in RULES if rule != "s·V > r, fuse"},
            )  # fmt: skip
