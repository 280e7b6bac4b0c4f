"""Which class was the true one, as far as labels say."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from handrail.calibration.scores import Floats
from handrail.errors import InvalidInput

# the place of the true class; −1 where it is only known not to be the one that was scored highest
Classes = NDArray[np.intp]


def true_classes(found: Classes, read: Floats, correct: Floats | None) -> Classes:
    """Places of the true classes of scored vectors. `found`: as `given_places` gives them.

    A right answer was the top class; of two classes, a wrong answer means the other one; a class that was told counts
    for more than either.
    """
    n, classes = read.shape
    top = read.argmax(axis=1)
    if correct is None:
        if (found < 0).any():
            raise InvalidInput(
                f"case {int(np.argmax(found < 0))} of {n} says neither its true class nor right or wrong",
                remedy="Give `correct` as well, or leave such cases out.",
            )
        return found
    right = correct > 0.5
    found = np.where(right & (found < 0), top, found)
    if classes == 2:
        found = np.where(found < 0, 1 - top, found)
    return np.asarray(found, dtype=np.intp)


def about_top(
    answers: Sequence[str | None], read: Floats, correct: Floats, truth: Classes, names: tuple[str, ...]
) -> tuple[Floats, NDArray[np.bool_]]:
    """Right or wrong of the top class, where another class was proposed and judged; and which cases can tell.

    `truth`: places that labels gave, before anything is inferred from right or wrong; it is changed in place.
    """
    place = {name: at for at, name in enumerate(names)}
    judged = np.array([-1 if answer is None else place.get(answer, -1) for answer in answers], dtype=np.intp)
    top = read.argmax(axis=1)
    other = (judged >= 0) & (judged != top)
    right = correct > 0.5
    truth[other & right] = judged[other & right]
    told = ~other | (truth >= 0)
    return np.where(other, truth == top, right).astype(np.float64), told


def given_places(given: Sequence[Any] | NDArray[Any] | None, read: Floats, names: tuple[str, ...]) -> Classes:
    """The places of true classes that were told, −1 where they were not."""
    n, classes = read.shape
    return np.full(n, -1, dtype=np.intp) if given is None else _places(given, n, classes, names)


def known_share(truth: Classes, correct: Floats) -> float:
    """Of the wrong answers, the share whose true class is known; 1 where none was wrong."""
    wrong = correct < 0.5
    return float((truth[wrong] >= 0).mean()) if wrong.any() else 1.0


def _places(given: Sequence[Any] | NDArray[Any], n: int, classes: int, names: tuple[str, ...]) -> Classes:
    values = list(given)
    if len(values) != n:
        raise InvalidInput(f"{n} scores but {len(values)} true classes")
    place = {name: at for at, name in enumerate(names)}
    return np.array([_place(value, at, n, classes, place) for at, value in enumerate(values)], dtype=np.intp)


def _place(value: Any, at: int, n: int, classes: int, place: dict[str, int]) -> int:
    if value is None:
        return -1
    if isinstance(value, str):
        if value not in place:
            raise InvalidInput(
                f"the true class of case {at} of {n}, {value!r}, is not among the classes scored",
                remedy="Score every class by its name, or give places from 0.",
            )
        return place[value]
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or not 0 <= int(value) < classes:
        raise InvalidInput(f"the true class of case {at} of {n}, {value!r}, is no place from 0 to {classes - 1}")
    return int(value)
