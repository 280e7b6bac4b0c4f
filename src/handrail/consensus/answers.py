"""Many answers by many people as arrays: what agreement and aggregation work on."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from operator import ne
from typing import Any

import numpy as np
from numpy.typing import NDArray

from handrail.errors import InvalidInput

Answer = tuple[str, str, Hashable]
"""(case, reviewer, label), in the order they were given. A label of None is no answer."""

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Answers:
    """One answer per (case, reviewer), the latest; cases, reviewers and labels as small integers."""

    cases: tuple[str, ...]
    reviewers: tuple[str, ...]
    labels: tuple[Any, ...]
    # one entry per answer
    case: Integers
    reviewer: Integers
    label: Integers

    @property
    def counts(self) -> Floats:
        """How often each label was given to each case: shape (cases, labels)."""
        flat = np.bincount(self.case * len(self.labels) + self.label, minlength=len(self.cases) * len(self.labels))
        return flat.reshape(len(self.cases), len(self.labels)).astype(np.float64)

    def known(self, truth: Mapping[str, Any]) -> Integers:
        """The number of each case's known label; -1 where it is not known, or is a label nobody ever gave."""
        at = {label: i for i, label in enumerate(self.labels)}
        told = [(case, truth[case]) for case in self.cases if case in truth]
        _refuse_unusable([label for _, label in told], lambda i: f"the known label of case {told[i][0]!r}", self.labels)
        found = (at.get(truth[case], -1) if case in truth else -1 for case in self.cases)
        return np.fromiter(found, dtype=np.int64, count=len(self.cases))


def collect(answers: Iterable[Answer]) -> Answers:
    """Read answers. Labels are numbered in the order of their text, so the order of arrival decides nothing.

    Raises `InvalidInput` naming the first answer whose label is none: a list or an object, not a number (NaN), or true
    where another is 1, which would be taken for one label.
    """
    given = [answer for answer in answers if answer[2] is not None]
    _refuse_unusable([said for _, _, said in given], lambda i: f"the answer of {given[i][1]!r} to case {given[i][0]!r}")
    cases, case = _numbered([name for name, _, _ in given])
    reviewers, reviewer = _numbered([name for _, name, _ in given])
    labels, label = _numbered([said for _, _, said in given], lambda said: (str(said), type(said).__name__))
    # by case, then reviewer; where one answered a case again, the last of them counts
    pair = case * len(reviewers) + reviewer
    order = np.argsort(pair, kind="stable")
    pair = pair[order]
    latest = order[np.append(pair[1:] != pair[:-1], True)] if given else order
    # a label that everybody took back is none
    used = np.flatnonzero(np.bincount(label[latest]))
    return Answers(
        cases=cases,
        reviewers=reviewers,
        labels=tuple(labels[i] for i in used),
        case=case[latest],
        reviewer=reviewer[latest],
        label=np.searchsorted(used, label[latest]),
    )


def _numbered(given: Sequence[Any], key: Callable[[Any], Any] | None = None) -> tuple[tuple[Any, ...], Integers]:
    """What was given, each once and in order, and which of these each was."""
    names = sorted(set(given), key=key)
    at = {name: i for i, name in enumerate(names)}
    return tuple(names), np.fromiter(map(at.__getitem__, given), dtype=np.int64, count=len(given))


def _refuse_unusable(labels: Sequence[Any], place: Callable[[int], str], beside: Sequence[Any] = ()) -> None:
    """Raise `InvalidInput` naming the place of a label that is none, or is a truth value beside an equal number."""
    try:
        names = set(labels)
    except TypeError:
        names = set()
        for i, label in enumerate(labels):
            if not _is_hashable(label):
                raise InvalidInput(f"{place(i)} has a label that is none: {label!r:.80}", remedy=_LABELS) from None
    if any(map(_is_nan, names)):
        at = next(i for i, label in enumerate(labels) if _is_nan(label))
        raise InvalidInput(f"{place(at)} has a label that is not a number (NaN)", remedy=_LABELS)
    if not _TRUTH.isdisjoint(map(type, labels)) or not _TRUTH.isdisjoint(map(type, beside)):
        # equal in Python, so one of the two would vanish
        kinds: dict[Any, bool] = {label: type(label) in _TRUTH for label in beside}
        for i, label in enumerate(labels):
            if kinds.setdefault(label, type(label) in _TRUTH) != (type(label) in _TRUTH):
                other = int(label) if type(label) in _TRUTH else bool(label)
                raise InvalidInput(f"{place(i)} has the label {label!r} where others have {other}", remedy=_LABELS)


def _is_hashable(label: Any) -> bool:
    try:
        hash(label)
    except TypeError:
        return False
    return True


def _is_nan(label: Any) -> bool:
    if isinstance(label, tuple):
        return any(map(_is_nan, label))
    # only what is no number differs from itself
    return bool(ne(label, label))


_TRUTH = frozenset((bool, np.bool_))
_LABELS = "Labels are text, numbers or truth values, of one kind in all answers; None is no answer."
