"""Reward accuracy on pairs of answers that people compared.

Five folds by the first 400 characters of the prompt, three seeds, ties dropped (pandalm: majority of three). Peers on
the same folds: the longer answer wins; gradient boosting on the ten facts, both orders.
"""

from __future__ import annotations

import csv
import gzip
import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from figures import Figure, Options, over_seeds
from sklearn.ensemble import HistGradientBoostingClassifier

from handrail.learning.answer_features import fact_rows
from handrail.learning.reward_fit import FOLDS, Pair, _folds, fit_reward

NUMBER = 18
CLAIM = "Reward accuracy: which of two answers people prefer"
TARGETS = {"hh_harmless": (63.8, 72), "autoj_pairs": (75.0, 84), "pandalm": (69, 77), "llmbar": (72, 82)}
SEEDS = 3


def run(options: Options) -> Iterator[Figure]:
    for name, (whole, half) in TARGETS.items():
        pairs = read(options.data / name)
        made = [fit_reward(pairs, seed=seed) for seed in range(options.count(SEEDS))]
        boosted = float(np.mean([boosting(pairs, seed) for seed in range(options.count(SEEDS))]))
        peers = {"longer wins": 100 * made[0].longer_wins, "gradient boosting": boosted}
        yield over_seeds(f"{name}, accuracy %", [100 * one.accuracy for one in made], target=whole, better="higher",
                         peers=peers, note=f"({len(pairs)} pairs)")  # fmt: skip
        yield over_seeds(
            f"{name}, surer half, accuracy %", [100 * one.surer_accuracy for one in made], target=half, better="higher"
        )


def read(folder: Path) -> list[Pair]:
    """The decided pairs of one set."""
    found = []
    for prompt, first, second, better in _rows(folder):
        if better in (1, 2) and first != second:
            chosen, rejected = (first, second) if better == 1 else (second, first)
            found.append(Pair(prompt=prompt, chosen=chosen, rejected=rejected))
    return found


def _rows(folder: Path) -> Iterator[tuple[str, str, str, int]]:
    if folder.name in ("hh_harmless", "autoj_pairs"):
        with gzip.open(folder / "pairs.jsonl.gz", "rt", encoding="utf-8") as file:
            for row in map(json.loads, file):
                side = {"a": 1, "b": 2}.get(row["preferred"], 0)
                yield row["prompt"], row["response_a"], row["response_b"], side
        return
    csv.field_size_limit(10**9)
    file_name = "pairs.csv.gz" if folder.name == "pandalm" else "items.csv.gz"
    with gzip.open(folder / file_name, "rt", encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            prompt = row["instruction"] + ("\n" + row["input"] if row.get("input") else "")
            if folder.name == "llmbar":
                side = int(row["gold"])
            else:
                said = [row[f"annotator{i}"] for i in (1, 2, 3)]
                side = next((int(one) for one in "12" if said.count(one) >= 2), 0)
            yield prompt, row["response_1"], row["response_2"], side


def boosting(pairs: list[Pair], seed: int) -> float:
    """Cross-fitted accuracy % of gradient boosting on differences of the facts, each pair in both orders."""
    prompts = [pair.prompt for pair in pairs]
    x = fact_rows(prompts, [p.chosen for p in pairs]) - fact_rows(prompts, [p.rejected for p in pairs])
    fold, right = _folds(prompts, seed), np.zeros(len(pairs))
    for k in range(FOLDS):
        train, out = fold != k, fold == k
        both = np.vstack((x[train], -x[train]))
        model = HistGradientBoostingClassifier(random_state=seed).fit(both, np.repeat([1, 0], train.sum()))
        right[out] = model.predict_proba(x[out])[:, 1] > model.predict_proba(-x[out])[:, 1]
    return 100 * float(right.mean())
