"""Dawid-Skene (1979) with priors: who is right how often about what, and so what is true.

Each reviewer has a confusion matrix M[truth, answer]. EM in log space alternates between the chances of the truth of
every case and the matrices. Rows of M have a Dirichlet prior (0.5 off, 2.5 on the diagonal; above ten labels
0.5/(K − 1) and 2), label rates one pseudo-case each, so that a reviewer with three answers is not believed blindly.
Golds are clamped, and when there are any the first matrices come from them alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from handrail.consensus.answers import Answer, Answers, collect
from handrail.consensus.majority import Consensus
from handrail.errors import InvalidInput

TOLERANCE = 1e-4
ROUNDS = 100
_TIE = 1e-9

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class DawidSkene:
    """The fitted model. `confusion[reviewer][i][j]`: chance that he says labels[j] where labels[i] is true."""

    labels: tuple[Any, ...]
    consensus: dict[str, Consensus]
    confusion: dict[str, tuple[tuple[float, ...], ...]]
    rounds: int

    def skill(self, reviewer: str) -> float:
        """Mean chance of being right, each label weighing the same."""
        rows = self.confusion[reviewer]
        return sum(row[i] for i, row in enumerate(rows)) / len(rows)


def dawid_skene(answers: Iterable[Answer], golds: Mapping[str, Any] | None = None) -> DawidSkene:
    """Fit on all answers at once. `golds` maps case to its known label. Raises `InvalidInput` without answers."""
    held = collect([*answers])
    if not held.cases:
        raise InvalidInput("there are no answers to aggregate")
    known = _known(held, golds or {})
    k = len(held.labels)
    clamp = known >= 0
    truth = held.counts / held.counts.sum(axis=1, keepdims=True)
    truth[clamp] = np.eye(k)[known[clamp]]
    seen = clamp[held.case] if clamp.any() else np.ones(len(held.case), dtype=bool)
    confusion = _confusion(held, truth, seen)
    every = np.ones(len(held.case), dtype=bool)
    rounds = 0
    while rounds < ROUNDS:
        rounds += 1
        before = truth
        truth = _truth(held, np.log(confusion), _rates(before))
        truth[clamp] = np.eye(k)[known[clamp]]
        confusion = _confusion(held, truth, every)
        if np.abs(truth - before).max() < TOLERANCE:
            break
    return DawidSkene(
        labels=held.labels,
        consensus=_consensus(held, truth),
        confusion={
            name: tuple(tuple(row) for row in matrix.tolist())
            for name, matrix in zip(held.reviewers, confusion, strict=True)
        },
        rounds=rounds,
    )


def _known(held: Answers, golds: Mapping[str, Any]) -> NDArray[np.int64]:
    at = {label: i for i, label in enumerate(held.labels)}
    # a gold whose label nobody ever gave cannot be placed and is left out
    return np.array([at.get(golds[case], -1) if case in golds else -1 for case in held.cases], dtype=np.int64)


def _rates(truth: Floats) -> Floats:
    total = truth.sum(axis=0) + 1.0
    return np.asarray(total / total.sum(), dtype=np.float64)


def _confusion(held: Answers, truth: Floats, seen: NDArray[np.bool_]) -> Floats:
    """M step: expected counts plus prior, normalised; shape (reviewers, truth, answer)."""
    k, reviewers = len(held.labels), len(held.reviewers)
    place = (held.reviewer * k + held.label)[seen]
    case = held.case[seen]
    made = np.empty((reviewers, k, k))
    for t in range(k):
        made[:, t, :] = np.bincount(place, weights=truth[case, t], minlength=reviewers * k).reshape(reviewers, k)
    off, on = (0.5, 2.5) if k <= 10 else (0.5 / (k - 1), 2.0)
    made += off + (on - off) * np.eye(k)
    return np.asarray(made / made.sum(axis=2, keepdims=True), dtype=np.float64)


def _truth(held: Answers, log_confusion: Floats, rates: Floats) -> Floats:
    """E step: chance of each label for each case."""
    k, cases = len(held.labels), len(held.cases)
    made = np.empty((cases, k))
    for t in range(k):
        weights = log_confusion[held.reviewer, t, held.label]
        made[:, t] = np.log(rates[t]) + np.bincount(held.case, weights=weights, minlength=cases)
    made -= made.max(axis=1, keepdims=True)
    np.exp(made, out=made)
    made /= made.sum(axis=1, keepdims=True)
    return made


def _consensus(held: Answers, truth: Floats) -> dict[str, Consensus]:
    people = np.bincount(held.case, minlength=len(held.cases))
    ranked = np.sort(truth, axis=1)
    tie = ranked[:, -1] - ranked[:, -2] < _TIE if truth.shape[1] > 1 else np.zeros(len(truth), dtype=bool)
    best = truth.argmax(axis=1)
    return {
        case: Consensus(
            label=None if tie[i] else held.labels[best[i]],
            chances=dict(zip(held.labels, truth[i].tolist(), strict=True)),
            n=int(people[i]),
        )
        for i, case in enumerate(held.cases)
    }
