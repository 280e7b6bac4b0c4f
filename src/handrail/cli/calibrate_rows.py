"""What `handrail calibrate` fits on: labels of the database, or a CSV."""

from __future__ import annotations

import csv
import json
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from handrail.calibration.sources import Source
from handrail.errors import InvalidInput, Unreadable
from handrail.label import Label
from handrail.learning.evidence import Evidence, evidence
from handrail.lifecycle import exporting
from handrail.lifecycle.soft_labels import judge
from handrail.maintenance.plane import Plane

RIGHT = frozenset({"true", "1", "yes", "right", "correct"})
WRONG = frozenset({"false", "0", "no", "wrong", "incorrect"})


@dataclass(slots=True, kw_only=True)
class Learned:
    """One entry a labelled case."""

    scores: list[Any] = field(default_factory=list)
    # None: the true class says it
    correct: list[bool] | None = None
    # true classes; None where they are unknown
    truth: list[str | None] | None = None
    # the classes proposed, where cases are answers
    answers: list[str | None] | None = None
    weights: list[float] | None = None
    period: tuple[int, int] | None = None
    model: str | None = None
    # labels left out, by reason
    left_out: dict[str, int] = field(default_factory=dict)


def from_labels(plane: Plane, workspace: str, action: str, source: Source) -> Learned:
    """The labels of one action."""
    labels = exporting.labels(plane.store, workspace, action=action)
    return _learned(evidence(labels, by_name=source == "score", judge=judge))


def others(plane: Plane, workspace: str, action: str, source: Source) -> dict[str, Learned]:
    """The labels of every other action of the workspace."""
    found: dict[str, list[Label]] = defaultdict(list)
    for label in exporting.labels(plane.store, workspace):
        if label.action != action:
            found[label.action].append(label)
    return {name: _learned(evidence(labels, by_name=source == "score", judge=judge)) for name, labels in found.items()}


def from_csv(path: Path, score: str, correct: str, truth: str | None, source: Source) -> Learned:
    """A CSV. `score`: the column of the scores, or several, one a class, separated by commas."""
    classes = [name.strip() for name in score.split(",")]
    made = Learned(correct=[], truth=None if truth is None else [])
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file)
            columns = set(reader.fieldnames or ())
            if truth is not None and correct not in columns:
                made.correct = None
            _need(path, columns, [*classes, *([] if made.correct is None else [correct]), *([truth] if truth else [])])
            for row in reader:
                where = f"{path}:{reader.line_num}"
                read = {name: _score(row[name], where, source) for name in classes}
                made.scores.append(read if len(classes) > 1 else read[classes[0]])
                if made.correct is not None:
                    made.correct.append(_right(row[correct], where))
                if made.truth is not None:
                    made.truth.append((row[truth or ""] or "").strip() or None)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise Unreadable(f"{path}: {getattr(error, 'strerror', None) or error}") from None
    return made


def _learned(found: Evidence) -> Learned:
    return Learned(
        scores=_uniform(list(found.scores)),
        correct=list(found.correct),
        truth=list(found.truth) if any(name is not None for name in found.truth) else None,
        answers=list(found.answers) if any(name is not None for name in found.answers) else None,
        weights=list(found.weights),
        period=found.period,
        model=found.model,
        left_out=found.left_out,
    )


def _uniform(scores: list[Any]) -> list[Any]:
    """The scores, if all are numbers or all are vectors."""
    shapes = {isinstance(score, list | dict) for score in scores}
    if len(shapes) > 1:
        raise InvalidInput(
            "some labels have one score and others a score per answer",
            remedy="Send the same shape of scores with every proposal of an action, or fit on a CSV.",
        )
    return scores


def _need(path: Path, columns: set[str], wanted: list[str]) -> None:
    missing = [name for name in wanted if name not in columns]
    if missing:
        raise InvalidInput(
            f"{path} has no column {missing[0]!r}", remedy="Give --score-column and --correct-column or --truth-column."
        )


def _score(text: str | None, where: str, source: Source) -> Any:
    try:
        return json.loads(text or "")
    except ValueError:
        if source == "rating" and text:
            return text
        raise InvalidInput(f"{where}: {text!r} is no score", remedy="Write numbers, or JSON lists of them.") from None


def _right(text: str | None, where: str) -> bool:
    word = (text or "").strip().casefold()
    if word not in RIGHT | WRONG:
        raise InvalidInput(f"{where}: {text!r} is neither right nor wrong", remedy="Write true or false.")
    return word in RIGHT
