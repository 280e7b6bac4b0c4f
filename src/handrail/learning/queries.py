"""What to ask next: score arrays in, indices out. No model is imported here.

A batch is 15 % drawn uniformly (the reserve: it alone may measure quality, calibrate and certify) and the rest chosen
by how unsure the model is. Labels chosen for being doubtful never enter calibration.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from handrail.errors import InvalidInput

Strategy = Literal["margin", "entropy", "random"]
RESERVE = 0.15
_KMEANS_ROUNDS = 25
_CANDIDATES = 10

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """Which cases to ask about. `reserve` was drawn uniformly, at this chance each; `doubtful` was picked."""

    doubtful: tuple[int, ...]
    reserve: tuple[int, ...]
    reserve_chance: float

    @property
    def all(self) -> tuple[int, ...]:
        return self.doubtful + self.reserve


def doubt_by_margin(chances: Any) -> Floats:
    """1 − (largest − second largest chance); higher is more doubtful."""
    p = _chances(chances)
    top = np.partition(p, -2, axis=1)
    return np.asarray(1.0 - (top[:, -1] - top[:, -2]), dtype=np.float64)


def doubt_by_entropy(chances: Any) -> Floats:
    """Entropy over its maximum, 0 to 1."""
    p = _chances(chances)
    logs = np.log(np.where(p > 0.0, p, 1.0))
    return np.asarray(-(p * logs).sum(axis=1) / np.log(p.shape[1]), dtype=np.float64)


def choose(
    chances: Any,
    size: int,
    rng: np.random.Generator,
    *,
    strategy: Strategy = "margin",
    features: Any = None,
    reserve: float = RESERVE,
) -> Asked:
    """Choose `size` of the unlabelled cases (fewer if there are fewer).

    `chances`: class probabilities by the model that is being trained, one row a case. With `features` the doubtful ones
    are spread by k-means over the ten times as many most doubtful, so that a batch does not ask one question twenty
    times.
    """
    p = _chances(chances)
    if size < 1 or not 0.0 <= reserve <= 1.0:
        raise InvalidInput(f"a batch of {size} with a reserve of {reserve} makes no sense")
    size = min(size, len(p))
    held = size if strategy == "random" else round(size * reserve)
    # drawn before any score is looked at, or it would not be uniform
    kept = rng.choice(len(p), held, replace=False)
    rest = np.setdiff1d(np.arange(len(p)), kept)
    doubtful: NDArray[np.int64] = np.zeros(0, dtype=np.int64)
    if size > held:
        doubt = (doubt_by_entropy if strategy == "entropy" else doubt_by_margin)(p[rest])
        # the small noise settles ties without favouring low indices
        order = rest[np.lexsort((rng.random(len(rest)), -doubt))]
        doubtful = order[: size - held]
        if features is not None:
            near = order[: _CANDIDATES * (size - held)]
            doubtful = near[spread(np.asarray(features, dtype=np.float64)[near], size - held, rng)]
    return Asked(
        doubtful=tuple(doubtful.tolist()), reserve=tuple(sorted(kept.tolist())), reserve_chance=held / max(1, len(p))
    )


def cold_start(features: Any, size: int, rng: np.random.Generator) -> tuple[int, ...]:
    """The first cases to ask, before there is a model: those nearest to the centres of k-means."""
    x = np.asarray(features, dtype=np.float64)
    if x.ndim != 2 or not np.isfinite(x).all():
        raise InvalidInput("features must be finite numbers, one row a case")
    return tuple(sorted(spread(x, min(size, len(x)), rng).tolist()))


def needs_more_classes(labels: Sequence[Any]) -> bool:
    """Whether a cold start has seen one class only; then add random cases until it has seen two."""
    return len(set(labels)) < 2


def spread(x: Floats, k: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """Row indices of k distinct rows, one nearest to each centre of k-means (Lloyd 1982, seeded as k-means++)."""
    if k >= len(x):
        return np.arange(len(x))
    centres = _seeds(x, k, rng)
    for _ in range(_KMEANS_ROUNDS):
        owner = _distances(x, centres).argmin(axis=1)
        sizes = np.bincount(owner, minlength=k)
        sums = np.zeros_like(centres)
        np.add.at(sums, owner, x)
        moved = np.where(sizes[:, None] > 0, sums / np.maximum(sizes, 1)[:, None], centres)
        if np.allclose(moved, centres):
            break
        centres = moved
    far = _distances(x, centres)
    taken: list[int] = []
    for centre in range(k):
        column = far[:, centre].copy()
        column[taken] = np.inf
        taken.append(int(column.argmin()))
    return np.array(taken, dtype=np.int64)


def _seeds(x: Floats, k: int, rng: np.random.Generator) -> Floats:
    chosen = [int(rng.integers(len(x)))]
    nearest = _distances(x, x[chosen])[:, 0]
    while len(chosen) < k:
        total = float(nearest.sum())
        at = int(rng.choice(len(x), p=nearest / total)) if total > 0 else int(rng.integers(len(x)))
        chosen.append(at)
        nearest = np.minimum(nearest, _distances(x, x[[at]])[:, 0])
    return x[chosen]


def _distances(x: Floats, centres: Floats) -> Floats:
    squared = (x**2).sum(axis=1)[:, None] - 2.0 * x @ centres.T + (centres**2).sum(axis=1)[None, :]
    return np.asarray(np.maximum(squared, 0.0), dtype=np.float64)


def _chances(chances: Any) -> Floats:
    p = np.asarray(chances, dtype=np.float64)
    if p.ndim != 2 or p.shape[1] < 2 or not np.isfinite(p).all() or (p < 0).any():
        raise InvalidInput("class chances must be finite and not negative, one row a case, two classes or more")
    return p
