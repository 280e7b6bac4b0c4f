"""The label most people gave. A tie is no consensus: it asks one more person, it never picks by the alphabet."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from handrail.consensus.answers import Answer, collect


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
    made: dict[str, Consensus] = {}
    for case, row in zip(held.cases, held.counts, strict=True):
        top = float(row.max())
        leaders = [label for label, count in zip(held.labels, row, strict=True) if count == top]
        n = int(row.sum())
        made[case] = Consensus(
            label=leaders[0] if len(leaders) == 1 else None,
            chances={label: float(count) / n for label, count in zip(held.labels, row, strict=True)},
            n=n,
        )
    return made
