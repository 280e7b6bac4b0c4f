"""Who says what when something is true: confusion matrices M[truth, answer] with a prior.

Each row begins with ten pseudo-cases, nine of them right, so that three answers convince nobody. The matrix of a queue
pools its people. A person has a matrix of their own from 50 labelled cases on, pulled to the pool by twenty cases:
somebody who answers against the truth (worse than chance) ends up with a matrix that says so, and is read accordingly.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from handrail.errors import InvalidInput

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

PRIOR = 10.0
DIAGONAL = 0.9
# labelled cases before a person has a matrix of their own, and how many cases the pool weighs in it
OWN = 50
PULL = 20.0


def counted(truth: Any, answer: Any, classes: int) -> Floats:
    """How often each answer was given to each truth, as numbers from 0: shape (truth, answer)."""
    t, a = np.asarray(truth, dtype=np.int64), np.asarray(answer, dtype=np.int64)
    if t.shape != a.shape or t.ndim != 1:
        raise InvalidInput(f"as many truths as answers are needed, not {t.size} and {a.size}")
    if classes < 2:
        raise InvalidInput("a confusion matrix needs two classes or more")
    if len(t) and (min(t.min(), a.min()) < 0 or max(t.max(), a.max()) >= classes):
        raise InvalidInput(f"a truth or an answer is none of the {classes} classes")
    return np.bincount(t * classes + a, minlength=classes * classes).reshape(classes, classes).astype(np.float64)


def prior(classes: int) -> Floats:
    """What is believed of people nobody has measured: right nine times of ten, else any other class alike."""
    return np.asarray(
        np.full((classes, classes), (1.0 - DIAGONAL) / (classes - 1))
        + (DIAGONAL - (1.0 - DIAGONAL) / (classes - 1)) * np.eye(classes),
        dtype=np.float64,
    )


def pooled(counts: Floats) -> Floats:
    """The posterior mean of a pool's matrix: ten pseudo-cases a row, then what was counted. Rows add up to 1."""
    made = PRIOR * prior(len(counts)) + counts
    return np.asarray(made / made.sum(axis=1, keepdims=True), dtype=np.float64)


def own(counts: Floats, pool: Floats) -> Floats | None:
    """One person's matrix, shrunk to the pool; None below 50 labelled cases."""
    if counts.sum() < OWN:
        return None
    made = PULL * pool + counts
    return np.asarray(made / made.sum(axis=1, keepdims=True), dtype=np.float64)


def by_person(truth: Any, answer: Any, person: Any, classes: int) -> tuple[Floats, dict[Any, Floats]]:
    """The pool's matrix, and those of the people who have enough labelled cases. Raises `InvalidInput`."""
    t, a, who = np.asarray(truth), np.asarray(answer), np.asarray(person, dtype=object)
    if who.shape != t.shape:
        raise InvalidInput(f"as many people as answers are needed, not {who.size} and {t.size}")
    pool = pooled(counted(t, a, classes))
    found: dict[Any, Floats] = {}
    for each in sorted(set(who.tolist()), key=str):
        mine = who == each
        matrix = own(counted(t[mine], a[mine], classes), pool) if mine.sum() >= OWN else None
        if matrix is not None:
            found[each] = matrix
    return pool, found


def read_matrix(rows: Any, classes: int) -> Floats:
    """A matrix from plain JSON. Raises `InvalidInput` unless its rows are chances that add up to 1."""
    try:
        made = np.asarray(rows, dtype=np.float64)
    except (TypeError, ValueError):
        raise InvalidInput("a confusion matrix holds numbers only") from None
    if made.shape != (classes, classes) or not np.isfinite(made).all() or (made <= 0.0).any():
        raise InvalidInput(f"a confusion matrix of {classes} classes holds as many rows of positive chances")
    if np.abs(made.sum(axis=1) - 1.0).max() > 1e-6:
        raise InvalidInput("a row of a confusion matrix does not add up to 1")
    return made


def skill(matrix: Floats, chances: Any) -> float:
    """The chance that this person is right about a case whose classes have these chances."""
    return float(np.asarray(chances, dtype=np.float64) @ np.diag(matrix))


def matrices_json(matrices: Mapping[str, Floats]) -> dict[str, list[list[float]]]:
    """Matrices as plain JSON, by person."""
    return {name: matrix.tolist() for name, matrix in sorted(matrices.items())}
