"""The rows behind `handrail tune`: from a CSV, or the uniform sample of an action's cases."""

from __future__ import annotations

import csv
import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from handrail.cli.calibrate_rows import RIGHT, WRONG
from handrail.errors import InvalidInput, Unreadable
from handrail.learning.uniform import Sample

# a reviewer's answer in words: did he say that it is right?
APPROVES = RIGHT | {"approve", "approved"}
REJECTS = WRONG | {"reject", "rejected"}
NOBODY = frozenset({"", "expired", "none"})


@dataclass(slots=True, kw_only=True)
class Rows:
    """One entry a labelled case."""

    scores: list[Any] = field(default_factory=list)
    correct: list[bool] = field(default_factory=list)
    # drawn, and nobody answered: an error
    unanswered: list[bool] = field(default_factory=list)
    # whether a reviewer said that it is right; None: not asked
    said: list[bool | None] = field(default_factory=list)
    # where they come from, in words
    source: str = ""
    left_out: dict[str, int] = field(default_factory=dict)


def table(path: Path, score: str, correct: str, said: str | None) -> Rows:
    """Labels of a CSV. An empty answer, or `expired`, means that nobody answered in time."""
    made = Rows(source=f"{path.name}, SHA-256 {_digest(path)[:12]}")
    for where, row in _lines(path, [score, correct, *([said] if said else [])]):
        made.scores.append(_score(row[score], where))
        word = (row[correct] or "").strip().casefold()
        made.unanswered.append(word in NOBODY)
        made.correct.append(word not in NOBODY and _yes(word, where, RIGHT, WRONG))
        answer = (row[said] or "").strip().casefold() if said else ""
        made.said.append(None if answer in NOBODY else _yes(answer, where, APPROVES, REJECTS))
    if not made.scores:
        raise InvalidInput(f"{path} holds no rows", remedy="Write one labelled case a line below the header.")
    return made


def batch(path: Path, score: str) -> list[Any]:
    """The scores of a CSV without answers."""
    return [_score(row[score], where) for where, row in _lines(path, [score])]


def from_sample(sample: Sample, action: str) -> Rows:
    """The uniform sample of an action's cases."""
    return Rows(
        scores=list(sample.scores), correct=list(sample.correct), unanswered=list(sample.unanswered),
        said=[None] * len(sample.cases), left_out=dict(sample.left_out),
        source=f"cases of {action}, each in the sample by chance {sample.rate:g}",
    )  # fmt: skip


def _lines(path: Path, columns: list[str]) -> Iterator[tuple[str, dict[str, str | None]]]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file)
            missing = [name for name in columns if name not in (reader.fieldnames or ())]
            if missing:
                raise InvalidInput(
                    f"{path} has no column {missing[0]!r}", remedy="Give --score-column and --correct-column."
                )
            for row in reader:
                yield f"{path}:{reader.line_num}", row
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise Unreadable(f"{path}: {getattr(error, 'strerror', None) or error}") from None


def _digest(path: Path) -> str:
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        raise Unreadable(f"{path}: {error.strerror or error}") from None


def _score(text: str | None, where: str) -> Any:
    try:
        return json.loads(text or "")
    except ValueError:
        raise InvalidInput(f"{where}: {text!r} is no score", remedy="Write numbers, or JSON lists of them.") from None


def _yes(word: str, where: str, yes: frozenset[str], no: frozenset[str]) -> bool:
    if word not in yes | no:
        raise InvalidInput(f"{where}: {word!r} is neither right nor wrong", remedy="Write true or false.")
    return word in yes
