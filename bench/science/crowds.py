"""Answers of crowds: readers and the scoring that rows about reviewers share."""

from __future__ import annotations

import csv
import gzip
from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from handrail.consensus.majority import Consensus

Answers = list[tuple[str, str, str]]


def table(path: Path) -> Iterator[dict[str, str]]:
    with gzip.open(path, "rt", encoding="utf-8", newline="") as lines:
        yield from csv.DictReader(lines)


def crowd_ti(data: Path) -> dict[str, tuple[Answers, dict[str, str]]]:
    """By subset: answers, and what is true where it is known."""
    answers: dict[str, Answers] = defaultdict(list)
    truth: dict[str, dict[str, str]] = defaultdict(dict)
    for row in table(data / "crowd_ti" / "labels.csv.gz"):
        answers[row["subset"]].append((row["item"], row["worker"], row["label"]))
    for row in table(data / "crowd_ti" / "truth.csv.gz"):
        truth[row["subset"]][row["item"]] = row["truth"]
    return {name: (answers[name], truth[name]) for name in answers}


def score(made: Mapping[str, Consensus], truth: Mapping[str, str], but: Mapping[str, Any] | None = None) -> float:
    """Share right, ties split; cases in `but` (golds) do not count."""
    found = []
    for case, right in truth.items():
        if case not in made or case in (but or {}):
            continue
        chances = made[case].chances
        leaders = [label for label, p in chances.items() if p > max(chances.values()) - 1e-9]
        found.append((right in leaders) / len(leaders))
    return sum(found) / len(found)
