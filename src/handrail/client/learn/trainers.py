"""Trainers: from labels to scores for the whole pool. A command of the user's, a function of his, or any model with
`fit` and `predict_proba`."""

from __future__ import annotations

import copy
import importlib
import json
import sys
import tempfile
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from handrail.client.learn.pool import Pool, items_as_jsonl, read_array
from handrail.errors import InvalidInput, TrainingFailed, Unreadable
from handrail.learning.kmeans import Floats
from handrail.maintenance.hook import Hook, run

# how far a row of chances may be from adding up to 1
TOLERANCE = 1e-3
SCORE_FILES = ("scores.npy", "scores.csv", "scores.jsonl")


@dataclass(frozen=True, slots=True, kw_only=True)
class Training:
    """What a model is to be trained on: rows of the pool, and what people said of them."""

    pool: Pool
    choices: tuple[str, ...]
    rows: tuple[int, ...]
    answers: tuple[str, ...]
    round: int
    seed: int


class Trainer(Protocol):
    """Trains, and scores the whole pool: one row a case, one column a choice, in their order."""

    def __call__(self, training: Training) -> Any: ...


def chances_of(found: Any, training: Training) -> Floats:
    """What a trainer gave back, checked. Raises `TrainingFailed` for a wrong shape, for NaN, and for rows that are no
    chances."""
    try:
        p = np.asarray(found, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise TrainingFailed(f"the scores are no numbers: {error}") from None
    wanted = (len(training.pool), len(training.choices))
    if p.shape != wanted:
        raise TrainingFailed(
            f"the scores have shape {p.shape}; a pool of {wanted[0]} cases and {wanted[1]} choices needs {wanted}",
            remedy="Score every case of the pool, with a column for every choice, also one nobody has given yet.",
        )
    bad = np.flatnonzero(~np.isfinite(p).all(axis=1) | (p < 0.0).any(axis=1) | (np.abs(p.sum(axis=1) - 1) > TOLERANCE))
    if len(bad):
        raise TrainingFailed(
            f"{len(bad)} rows of scores are no chances; the first is row {bad[0]}: {p[bad[0]].tolist()}",
            remedy="Each row must hold numbers from 0 to 1 that add up to 1; put logits through a softmax.",
        )
    return np.asarray(p / p.sum(axis=1, keepdims=True), dtype=np.float64)


def trainer_of(given: Any) -> Trainer:
    """From a model with `fit` and `predict_proba`, a function of a `Training`, `"module:function"`, or a list of words
    (a command)."""
    if isinstance(given, str):
        return of_function(given)
    if isinstance(given, list | tuple):
        return of_command(given)
    if callable(getattr(given, "fit", None)):
        return of_model(given)
    if callable(given):
        return _guarded(getattr(given, "__name__", "the trainer"), given)
    raise InvalidInput(f"{type(given).__name__} trains nothing", remedy="Give a model, a function or a command.")


def of_model(model: Any) -> Trainer:
    """Any model with `fit(X, y)` and `predict_proba(X)`, on the pool's features. Each training starts from a copy."""
    for method in ("fit", "predict_proba"):
        if not callable(getattr(model, method, None)):
            raise InvalidInput(
                f"{type(model).__name__} has no {method}", remedy="Give a function or a command instead."
            )

    def train(training: Training) -> Floats:
        x = training.pool.features
        if x is None:
            raise InvalidInput("a model needs features", remedy="Give one row of numbers a case, or a function.")
        fitted = copy.deepcopy(model)
        fitted.fit(x[list(training.rows)], np.array(training.answers))
        made = np.zeros((len(x), len(training.choices)))
        made[:, [training.choices.index(str(name)) for name in fitted.classes_]] = fitted.predict_proba(x)
        return made

    return train


def of_function(name: str) -> Trainer:
    """`module:function`, which takes a `Training`; modules of the present folder are found too."""
    module, _, attribute = name.partition(":")
    if not module or not attribute:
        raise InvalidInput(f"{name!r} names no function", remedy="Write module:function.")
    here = str(Path.cwd())
    if here not in sys.path:
        sys.path.insert(0, here)
    try:
        found = getattr(importlib.import_module(module), attribute)
    except (ImportError, AttributeError) as error:
        raise InvalidInput(f"{name} cannot be loaded: {error}") from None
    if not callable(found):
        raise InvalidInput(f"{name} is no function")
    return _guarded(name, found)


def _guarded(name: str, function: Callable[[Training], Any]) -> Trainer:
    def train(training: Training) -> Any:
        try:
            return function(training)
        except Exception as error:
            raise TrainingFailed(f"{name} failed: {type(error).__name__}: {error}") from error

    return train


def of_command(argv: Sequence[str], *, seconds: float = 3600.0) -> Trainer:
    """The user's own command, run without a shell in an empty folder's company.

    It reads JSON on its standard input: `labels_path` (JSONL of id, input, answer), `pool_path` (JSONL of id, input),
    `choices`, `folder`, `round`, `seed`; words such as {labels}, {pool} and {folder} in `argv` are replaced. It writes
    `scores.npy`, `scores.csv` or `scores.jsonl` into the folder. Raises `TrainingFailed` when it fails or takes longer.
    """
    if not argv:
        raise InvalidInput("the training command has no words")

    def train(training: Training) -> Any:
        with tempfile.TemporaryDirectory(prefix="handrail-learn-") as place:
            folder = Path(place)
            given = _given(training, folder)
            names = {"labels": given["labels_path"], "pool": given["pool_path"], "folder": place}
            words = tuple(_filled(word, names) for word in argv)
            ran = run(Hook(argv=words, seconds=seconds), given, threading.Event())
            if ran.exit_code != 0:
                raise TrainingFailed(f"the training command {ran.error}")
            return _scores(folder, training)

    return train


def _filled(word: str, names: dict[str, str]) -> str:
    for name, value in names.items():
        word = word.replace("{" + name + "}", value)
    return word


def _given(training: Training, folder: Path) -> dict[str, Any]:
    labels, pool = folder / "labels.jsonl", folder / "pool.jsonl"
    items = training.pool.items
    with labels.open("w", encoding="utf-8") as file:
        for row, answer in zip(training.rows, training.answers, strict=True):
            line = {"id": items[row].id, "input": items[row].input, "answer": answer}
            file.write(json.dumps(line, ensure_ascii=False) + "\n")
    pool.write_bytes(items_as_jsonl(training.pool))
    return {
        "type": "training", "labels_path": str(labels), "pool_path": str(pool), "folder": str(folder),
        "choices": list(training.choices), "round": training.round, "seed": training.seed,
    }  # fmt: skip


def _scores(folder: Path, training: Training) -> Any:
    found = [folder / name for name in SCORE_FILES if (folder / name).is_file()]
    if len(found) != 1:
        what = "wrote no scores" if not found else f"wrote {len(found)} files of scores"
        raise TrainingFailed(
            f"the training command {what}", remedy=f"Write one of {', '.join(SCORE_FILES)} to the folder."
        )
    try:
        return _jsonl(found[0], training) if found[0].suffix == ".jsonl" else read_array(found[0])
    except Unreadable as error:
        raise TrainingFailed(
            f"the training command's scores cannot be read: {error}".replace(str(folder), "")
        ) from None


def _jsonl(path: Path, training: Training) -> Any:
    """A list of numbers a line, or an object from choice to number."""
    rows = []
    try:
        for line in path.read_text(encoding="utf-8").split("\n"):
            if not line.strip():
                continue
            row = json.loads(line)
            rows.append([row[choice] for choice in training.choices] if isinstance(row, dict) else row)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise Unreadable(f"line {len(rows) + 1}: {type(error).__name__}: {error}") from None
    if len({len(row) if isinstance(row, list) else -1 for row in rows}) > 1:
        raise Unreadable("its lines have different lengths")
    return rows
