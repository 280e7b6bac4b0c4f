"""Many answers by many people as arrays: what agreement and aggregation work on."""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Answer = tuple[str, str, Hashable]
"""(case, reviewer, label), in the order they were given."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answers:
    """One answer per (case, reviewer), the latest; cases, reviewers and labels as small integers."""

    cases: tuple[str, ...]
    reviewers: tuple[str, ...]
    labels: tuple[Any, ...]
    # one entry per answer
    case: NDArray[np.int64]
    reviewer: NDArray[np.int64]
    label: NDArray[np.int64]

    @property
    def counts(self) -> NDArray[np.float64]:
        """How often each label was given to each case: shape (cases, labels)."""
        flat = np.bincount(self.case * len(self.labels) + self.label, minlength=len(self.cases) * len(self.labels))
        return flat.reshape(len(self.cases), len(self.labels)).astype(np.float64)


def collect(answers: Iterable[Answer]) -> Answers:
    """Read answers. Labels are numbered in the order of their text, so the order of arrival decides nothing."""
    latest = {(case, reviewer): label for case, reviewer, label in answers}
    cases = sorted({case for case, _ in latest})
    reviewers = sorted({reviewer for _, reviewer in latest})
    labels = sorted(set(latest.values()), key=lambda label: (str(label), type(label).__name__))
    at_case = {name: i for i, name in enumerate(cases)}
    at_reviewer = {name: i for i, name in enumerate(reviewers)}
    at_label = {name: i for i, name in enumerate(labels)}
    return Answers(
        cases=tuple(cases),
        reviewers=tuple(reviewers),
        labels=tuple(labels),
        case=np.array([at_case[case] for case, _ in latest], dtype=np.int64),
        reviewer=np.array([at_reviewer[reviewer] for _, reviewer in latest], dtype=np.int64),
        label=np.array([at_label[label] for label in latest.values()], dtype=np.int64),
    )
