"""Answers become soft labels: Dawid-Skene, or the way of reading them that golds favour, instead of a bare majority."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from handrail.consensus.aggregate import LEAST_GOLDS, aggregate
from handrail.learning.soft_labels import RIGHT, Said, Told, soft
from handrail.store import training

# cases answered by two people, where there are fewer golds than `LEAST_GOLDS`
LEAST_DOUBLE = 50
MOST_LABELS = 100_000


def chances(run: Callable[..., Sequence[Sequence[Any]]], workspace: str, action: str) -> Mapping[str, float]:
    """The soft label of every case of an action, from its newest labels. `run` runs a statement (`Tx.run`)."""
    rows = run(training.label_told, workspace=workspace, action=action, limit=MOST_LABELS)
    return soft(
        (Told(row[0], row[1], None if row[2] is None else bool(row[2]), *row[3:]) for row in reversed(rows)), judge
    )


def judge(said: Sequence[Said], known: Mapping[str, str]) -> dict[str, float]:
    """The chance that each case's proposal was right; nothing while golds and double answers are too few."""
    people: dict[str, set[str]] = defaultdict(set)
    for case, reviewer, _ in said:
        people[case].add(reviewer)
    double = sum(len(who) > 1 for who in people.values())
    golds = sum(case in known for case in people)
    if golds < LEAST_GOLDS and double < LEAST_DOUBLE:
        return {}
    made = aggregate(said, known).consensus
    if any(RIGHT in one.chances for one in made.values()):
        return {case: one.chances[RIGHT] for case, one in made.items()}
    # nobody ever called anything right
    return dict.fromkeys(made, 0.0)
