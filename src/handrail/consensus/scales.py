"""Krippendorff's alpha where labels have an order or a distance, and Cohen's kappa for every pair of reviewers."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from handrail.consensus.agreement import cohen_kappa
from handrail.consensus.answers import Answer, Answers, Floats, collect
from handrail.errors import InvalidInput

Scale = Literal["nominal", "ordinal", "interval"]


def krippendorff_alpha(
    answers: Iterable[Answer] | Answers, scale: Scale = "nominal", *, order: Sequence[Any] | None = None
) -> float | None:
    """Krippendorff's (2011) alpha; None where it is undefined: one label seen, or no case answered twice.

    `order`: labels from low to high, for "ordinal"; without it, and for "interval", labels must be numbers.
    """
    held = answers if isinstance(answers, Answers) else collect(answers)
    counts = held.counts
    counts = counts[counts.sum(axis=1) >= 2]
    if not len(counts):
        return None
    place = _places(held.labels, scale, order)
    counts = counts[:, np.argsort(place)]
    place = np.sort(place)
    total = counts.sum(axis=0)
    n = float(total.sum())
    if (total > 0).sum() < 2:
        return None
    apart = _distances(place, total, scale)
    weights = 1.0 / (counts.sum(axis=1) - 1.0)
    # coincidences of different labels within cases; the same label is at distance 0 from itself
    observed = float(((counts * weights[:, None]).T @ counts * apart).sum()) / n
    expected = float((np.outer(total, total) * apart).sum()) / (n * (n - 1.0))
    return 1.0 - observed / expected


def _places(labels: Sequence[Any], scale: Scale, order: Sequence[Any] | None) -> Floats:
    if scale == "nominal":
        return np.arange(len(labels), dtype=np.float64)
    if order is not None:
        unknown = [label for label in labels if label not in order]
        if unknown:
            raise InvalidInput(f"{unknown[0]!r} has no place in the order given")
        return np.array([order.index(label) for label in labels], dtype=np.float64)
    try:
        made = np.array([float(label) for label in labels], dtype=np.float64)
    except (TypeError, ValueError):
        raise InvalidInput(f"labels on an {scale} scale must be numbers, or come with their order") from None
    if not np.isfinite(made).all():
        raise InvalidInput("labels on a scale must be finite numbers")
    return made


def _distances(place: Floats, total: Floats, scale: Scale) -> Floats:
    if scale == "nominal":
        return 1.0 - np.eye(len(place))
    if scale == "interval":
        return np.asarray((place[:, None] - place[None, :]) ** 2, dtype=np.float64)
    # answers between the two labels, the ends by half
    upto = np.cumsum(total) - total / 2.0
    return np.asarray((upto[:, None] - upto[None, :]) ** 2, dtype=np.float64)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """Two reviewers on the cases both answered."""

    one: str
    two: str
    n: int
    raw: float
    # None: both gave one and the same label throughout
    kappa: float | None


def pairs(answers: Iterable[Answer] | Answers, *, least: int = 1) -> list[Pair]:
    """Every pair with at least `least` cases in common, in the order of their names."""
    held = answers if isinstance(answers, Answers) else collect(answers)
    said: list[dict[int, int]] = [{} for _ in held.reviewers]
    for case, who, label in zip(held.case.tolist(), held.reviewer.tolist(), held.label.tolist(), strict=True):
        said[who][case] = label
    made = []
    for i, one in enumerate(held.reviewers):
        for j in range(i + 1, len(held.reviewers)):
            shared = sorted(said[i].keys() & said[j].keys())
            if len(shared) < max(1, least):
                continue
            left, right = [said[i][case] for case in shared], [said[j][case] for case in shared]
            raw = sum(a == b for a, b in zip(left, right, strict=True)) / len(shared)
            made.append(
                Pair(one=one, two=held.reviewers[j], n=len(shared), raw=raw, kappa=cohen_kappa(left, right))
            )  # fmt: skip
    return made
