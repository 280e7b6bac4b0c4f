"""Dawid-Skene (1979) with priors: who is right how often about what, and so what is true.

Each reviewer has a confusion matrix M[truth, answer]. EM (`em`) alternates between the chances of the truth of every
case and the matrices. Rows of M have a Dirichlet prior (0.5 off, 2.5 on the diagonal; above ten labels
0.5/(K − 1) and 2), label rates one pseudo-case each, so that a reviewer with three answers is not believed blindly.
Golds are clamped, and when there are any the first matrices come from them alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from handrail.consensus.answers import Answer, Answers, Floats, collect
from handrail.consensus.em import counted, fit, prior
from handrail.consensus.majority import ByCase, Consensus
from handrail.errors import InvalidInput


@dataclass(frozen=True, slots=True, kw_only=True)
class DawidSkene:
    """The fitted model. `confusion[reviewer][i][j]`: chance that he says labels[j] where labels[i] is true."""

    labels: tuple[Any, ...]
    consensus: ByCase
    confusion: dict[str, tuple[tuple[float, ...], ...]]
    rounds: int
    # whether the chances stood still by then; if not, more rounds would move some of them yet
    converged: bool
    # expected cases by (truth, answer) of each reviewer, and by truth: what an update adds to
    seen: dict[str, Floats]
    truths: Floats

    def skill(self, reviewer: str) -> float:
        """Mean chance of being right, each label weighing the same."""
        rows = self.confusion[reviewer]
        return sum(row[i] for i, row in enumerate(rows)) / len(rows)

    def judge(self, said: Mapping[str, Any]) -> Consensus:
        """What the answers of one more case come to: `said` maps reviewer to label. Labels never seen say nothing."""
        chances = self._chances(said)
        top = np.sort(chances)
        tie = len(top) > 1 and top[-1] - top[-2] < 1e-9
        return Consensus(
            label=None if tie else self.labels[int(chances.argmax())],
            chances=dict(zip(self.labels, chances.tolist(), strict=True)),
            n=len(said),
        )

    def updated(self, said: Mapping[str, Any], truth: Any = None) -> DawidSkene:
        """The model after one more case: its posterior (all of it on `truth` where that is known) joins the counts.

        Cheap and slightly order-dependent; refit with `dawid_skene` now and then, such as nightly.
        """
        k = len(self.labels)
        chances = self._chances(said) if truth is None else np.eye(k)[self.labels.index(truth)]
        seen, confusion = dict(self.seen), dict(self.confusion)
        for reviewer, label in said.items():
            if label not in self.labels:
                continue
            counts = seen.get(reviewer, np.zeros((k, k))).copy()
            counts[:, self.labels.index(label)] += chances
            seen[reviewer] = counts
            confusion[reviewer] = _rows(_normal(counts + prior(k)))
        return replace(self, seen=seen, confusion=confusion, truths=self.truths + chances)

    def _chances(self, said: Mapping[str, Any]) -> Floats:
        k = len(self.labels)
        unknown = _normal(prior(k))
        made = np.log((self.truths + 1.0) / (self.truths + 1.0).sum())
        for reviewer, label in said.items():
            if label in self.labels:
                matrix = np.asarray(self.confusion[reviewer]) if reviewer in self.confusion else unknown
                made = made + np.log(matrix[:, self.labels.index(label)])
        made = np.exp(made - made.max())
        return np.asarray(made / made.sum(), dtype=np.float64)


def dawid_skene(answers: Iterable[Answer] | Answers, golds: Mapping[str, Any] | None = None) -> DawidSkene:
    """Fit on all answers at once. `golds` maps case to its known label. Raises `InvalidInput` without answers."""
    held = answers if isinstance(answers, Answers) else collect(answers)
    if not held.cases:
        raise InvalidInput("there are no answers to aggregate")
    truth, rounds, converged = fit(held, held.known(golds or {}))
    seen = counted(held, truth)
    confusion = _normal(seen + prior(len(held.labels)))
    return DawidSkene(
        labels=held.labels,
        consensus=ByCase(held, truth),
        confusion={name: _rows(matrix) for name, matrix in zip(held.reviewers, confusion, strict=True)},
        rounds=rounds,
        converged=converged,
        seen=dict(zip(held.reviewers, seen, strict=True)),
        truths=truth.sum(axis=0),
    )


def _normal(made: Floats) -> Floats:
    return np.asarray(made / made.sum(axis=-1, keepdims=True), dtype=np.float64)


def _rows(matrix: Floats) -> tuple[tuple[float, ...], ...]:
    return tuple(tuple(row) for row in matrix.tolist())
