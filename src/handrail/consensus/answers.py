"""Many answers by many people as arrays: what agreement and aggregation work on."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

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
        found = (at.get(truth[case], -1) if case in truth else -1 for case in self.cases)
        return np.fromiter(found, dtype=np.int64, count=len(self.cases))


def collect(answers: Iterable[Answer]) -> Answers:
    """Read answers. Labels are numbered in the order of their text, so the order of arrival decides nothing."""
    latest = {(case, reviewer): label for case, reviewer, label in answers if label is not None}
    cases = sorted({case for case, _ in latest})
    reviewers = sorted({reviewer for _, reviewer in latest})
    labels = sorted(set(latest.values()), key=lambda label: (str(label), type(label).__name__))
    at_case = {name: i for i, name in enumerate(cases)}
    at_reviewer = {name: i for i, name in enumerate(reviewers)}
    at_label = {name: i for i, name in enumerate(labels)}
    n = len(latest)
    return Answers(
        cases=tuple(cases),
        reviewers=tuple(reviewers),
        labels=tuple(labels),
        case=np.fromiter((at_case[case] for case, _ in latest), dtype=np.int64, count=n),
        reviewer=np.fromiter((at_reviewer[reviewer] for _, reviewer in latest), dtype=np.int64, count=n),
        label=np.fromiter((at_label[label] for label in latest.values()), dtype=np.int64, count=n),
    )
