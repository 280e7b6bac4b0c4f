"""Capacity: a budget of reviewer minutes, spent by an online shadow price.

Protocol: cifar10h_model; costs lognormal with σ 1.5, minutes lognormal with σ 0.5, 20 seeds. 1,000 labelled cases fit
the calibrator and the first price; the rest arrives one by one, and how many will come is known. Reviewers are perfect,
V = 1 − confidence. A figure is the share of the error cost that is left. The others sort all cases beforehand; the
optimum by V · cost/minutes.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from figures import Figure, Options, over_seeds
from streams import cifar10h_model

from handrail.calibration.fit import fit
from handrail.operations.shadow import ShadowPrice, starting_price

NUMBER = 6
CLAIM = "Capacity"
BUDGETS = (0.02, 0.05, 0.10, 0.20)
SEEDS, FITTED = 20, 1000


def online(gains: Any, minutes: Any, share: float, price: ShadowPrice) -> Any:
    asked = np.zeros(len(gains), dtype=bool)
    for i, (gain, taken) in enumerate(zip(gains.tolist(), minutes.tolist(), strict=True)):
        asked[i] = price.pays(gain, taken)
        price = price.after(taken if asked[i] else 0.0)
    return asked


def offline(key: Any, minutes: Any, budget: float) -> Any:
    """The largest keys first, as long as minutes are left."""
    order = np.argsort(-key, kind="stable")
    asked = np.zeros(len(key), dtype=bool)
    asked[order[np.cumsum(minutes[order]) <= budget]] = True
    return asked


def run(options: Options) -> Iterator[Figure]:
    stream = cifar10h_model(options.data)
    left: dict[float, dict[str, list[float]]] = {share: {} for share in BUDGETS}
    for seed in range(options.count(SEEDS)):
        known, test = stream.split(FITTED, seed)
        made = fit("auto", known.p, truth=known.truth, names=known.classes, fitted_at=0)
        rng = np.random.default_rng(seed)
        cost, minutes = rng.lognormal(0.0, 1.5, len(stream)), rng.lognormal(0.0, 0.5, len(stream))
        gain = np.concatenate([1.0 - made.apply_many(known.p), 1.0 - made.apply_many(test.p)]) * cost
        first, rest = slice(0, FITTED), slice(FITTED, None)
        wrong = (1.0 - test.right) * cost[rest]
        for share in BUDGETS:
            budget = share * float(minutes[rest].sum())
            price = ShadowPrice(
                price=starting_price(gain[first].tolist(), minutes[first].tolist(), share), share=share,
                mean_minutes=float(minutes[first].mean()), left=budget, cases_left=len(test),
            )  # fmt: skip
            ways = {
                "online shadow price": online(gain[rest], minutes[rest], share, price),
                "offline optimum": offline(gain[rest] / minutes[rest], minutes[rest], budget),
                "largest expected loss": offline(gain[rest], minutes[rest], budget),
                "lowest confidence first": offline(gain[rest] / cost[rest], minutes[rest], budget),
            }
            for way, asked in ways.items():
                left[share].setdefault(way, []).append(float(wrong[~asked].sum() / wrong.sum()))
    for share, each in left.items():
        ours = each.pop("online shadow price")
        peers = {way: float(np.mean(values)) for way, values in each.items()}
        yield over_seeds(f"share of error cost left, {share:.0%} of the minutes", ours, peers=peers)
        optimum, loss = np.array(each["offline optimum"]), np.array(each["largest expected loss"])
        for what, other, target in (("offline optimum", optimum, 1.07), ("largest expected loss", loss, 1.01)):
            # the ratio of the means, with the spread of the paired differences
            paired = 1.0 + (np.array(ours) - other) / other.mean()
            yield over_seeds(f"over the {what}, {share:.0%}", paired.tolist(), target=target)
