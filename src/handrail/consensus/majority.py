"""The label most people gave. A tie is no consensus: it asks one more person, it never picks by the alphabet."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from handrail.consensus.answers import Answer, Answers, Floats, collect

_TIE = 1e-9


@dataclass(frozen=True, slots=True, kw_only=True)
class Consensus:
    """What the answers of one case come to."""

    # None: no consensus
    label: Any
    # chance of each label seen anywhere in the collection; shares of answers for a majority
    chances: dict[Any, float]
    # people who answered
    n: int

    @property
    def posterior(self) -> float:
        """The chance of the likeliest label; what `min_agreement_for_training` is held against."""
        return max(self.chances.values())


def majority(answers: Iterable[Answer]) -> dict[str, Consensus]:
    """Consensus by case: the label with the most answers, None on a tie. One answer a person, the latest."""
    held = collect(answers)
    return consensus_of(held, shares(held))


def shares(held: Answers) -> Floats:
    """The share of each case's answers that each label got: shape (cases, labels)."""
    counts = held.counts
    return np.asarray(counts / np.maximum(counts.sum(axis=1, keepdims=True), 1.0), dtype=np.float64)


def consensus_of(held: Answers, chances: Floats) -> dict[str, Consensus]:
    """The likeliest label of each case, None where two are equally likely."""
    if not held.cases:
        return {}
    people = np.bincount(held.case, minlength=len(held.cases)).tolist()
    best = chances.argmax(axis=1).tolist()
    tie = tied(chances).tolist()
    rows = chances.tolist()
    labels = held.labels
    return {
        case: Consensus(
            label=None if tie[i] else labels[best[i]], chances=dict(zip(labels, rows[i], strict=True)), n=people[i]
        )
        for i, case in enumerate(held.cases)
    }


def tied(chances: Floats) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """Which rows have no single largest chance."""
    if chances.shape[1] < 2:
        return np.zeros(len(chances), dtype=bool)
    top = np.partition(chances, -2, axis=1)
    return np.asarray(top[:, -1] - top[:, -2] < _TIE)
