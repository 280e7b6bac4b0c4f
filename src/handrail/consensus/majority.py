"""The label most people gave. A tie is no consensus: it asks one more person, it never picks by the alphabet."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
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


class ByCase(Mapping[str, Consensus]):
    """Consensus by case. A case's is put into words when it is asked for: after a fit on many, few are looked at."""

    __slots__ = ("_at", "_best", "_chances", "_labels", "_people")

    def __init__(self, held: Answers, chances: Floats) -> None:
        """`chances`: shape (cases, labels)."""
        self._at = {case: i for i, case in enumerate(held.cases)}
        self._labels = held.labels
        self._chances = chances
        self._best = np.where(tied(chances), -1, chances.argmax(axis=1)) if held.cases else np.zeros(0, dtype=np.int64)
        self._people = np.bincount(held.case, minlength=len(held.cases))

    def __getitem__(self, case: str) -> Consensus:
        i = self._at[case]
        best = int(self._best[i])
        return Consensus(
            label=None if best < 0 else self._labels[best],
            chances=dict(zip(self._labels, self._chances[i].tolist(), strict=True)),
            n=int(self._people[i]),
        )

    def __iter__(self) -> Iterator[str]:
        return iter(self._at)

    def __len__(self) -> int:
        return len(self._at)

    def labels(self) -> dict[str, Any]:
        """The label of every case; None: no consensus."""
        # the place -1 is the last
        labels = (*self._labels, None)
        return dict(zip(self._at, map(labels.__getitem__, self._best.tolist()), strict=True))


def majority(answers: Iterable[Answer]) -> ByCase:
    """Consensus by case: the label with the most answers, None on a tie. One answer a person, the latest."""
    held = collect(answers)
    return ByCase(held, shares(held))


def shares(held: Answers) -> Floats:
    """The share of each case's answers that each label got: shape (cases, labels)."""
    counts = held.counts
    return np.asarray(counts / np.maximum(counts.sum(axis=1, keepdims=True), 1.0), dtype=np.float64)


def tied(chances: Floats) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """Which rows have no single largest chance."""
    if chances.shape[1] < 2:
        return np.zeros(len(chances), dtype=bool)
    top = np.partition(chances, -2, axis=1)
    return np.asarray(top[:, -1] - top[:, -2] < _TIE)
