"""What to ask next: score arrays in, indices out. No model is imported here.

A batch is 15 % drawn uniformly (the reserve: it alone may measure quality, calibrate and certify) and the rest chosen
by how unsure the model is. Labels chosen for being doubtful never enter calibration.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from handrail.errors import InvalidInput
from handrail.learning.kmeans import Ints, spread
from handrail.learning.samplers import (
    View,
    at_random,
    by_spread_margin,
    doubt_by_entropy,
    doubt_by_margin,
    sampler,
    sound_chances,
    sound_features,
)

__all__ = [
    "RESERVE", "Asked", "Partition", "choose", "cold_start", "doubt_by_entropy", "doubt_by_margin", "first_batch",
    "needs_more_classes", "partition", "spread",
]  # fmt: skip

RESERVE = 0.15
# cases of a cold start, as a multiple of the classes
COLD_START = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """Which cases to ask about. `reserve` was drawn uniformly, at this chance each; `doubtful` was picked."""

    doubtful: tuple[int, ...]
    reserve: tuple[int, ...]
    reserve_chance: float

    @property
    def all(self) -> tuple[int, ...]:
        return self.doubtful + self.reserve


@dataclass(frozen=True, slots=True, kw_only=True)
class Partition:
    """A pool cut in two before any score is seen. `reserve` is in the order in which it is asked: every beginning of it
    is a uniform sample of the whole pool, whatever the samplers do to `active`."""

    active: Ints
    reserve: Ints
    # with which a case came into the reserve
    chance: float


def partition(pool: int, rng: np.random.Generator, *, reserve: float = RESERVE) -> Partition:
    """Cut a pool of so many cases. Drawing the reserve anew from what samplers left over would not be uniform: they
    leave the easy ones."""
    if pool < 1 or not 0.0 <= reserve < 1.0:
        raise InvalidInput(f"a pool of {pool} with a reserve of {reserve} makes no sense", remedy="Reserve under 1.")
    order = rng.permutation(pool).astype(np.int64)
    held = round(pool * reserve)
    return Partition(active=np.sort(order[held:]), reserve=order[:held], chance=held / pool)


def choose(
    chances: Any,
    size: int,
    rng: np.random.Generator,
    *,
    strategy: str = "margin",
    features: Any = None,
    reserve: float = RESERVE,
) -> Asked:
    """Choose `size` of the unlabelled cases (fewer if there are fewer).

    `chances`: class probabilities by the model that is being trained, one row a case. With `features` the doubtful ones
    are spread by k-means over the ten times as many most doubtful, so that a batch does not ask one question twenty
    times.
    """
    p = sound_chances(chances)
    if size < 1 or not 0.0 <= reserve <= 1.0:
        raise InvalidInput(f"a batch of {size} with a reserve of {reserve} makes no sense")
    size = min(size, len(p))
    held = size if strategy == "random" else round(size * reserve)
    # drawn before any score is looked at, or it would not be uniform
    kept = rng.choice(len(p), held, replace=False)
    rest = np.setdiff1d(np.arange(len(p)), kept)
    doubtful: Ints = np.zeros(0, dtype=np.int64)
    if size > held:
        x = None if features is None else sound_features(features)
        pick = by_spread_margin if strategy == "margin" and x is not None else sampler(strategy)
        doubtful = pick(View(candidates=rest, chances=p, features=x), size - held, rng)
    return Asked(
        doubtful=tuple(doubtful.tolist()), reserve=tuple(sorted(kept.tolist())), reserve_chance=held / max(1, len(p))
    )


def cold_start(features: Any, size: int, rng: np.random.Generator) -> tuple[int, ...]:
    """The first cases to ask, before there is a model: those nearest to the centres of k-means."""
    x = sound_features(features)
    return tuple(sorted(spread(x, min(size, len(x)), rng).tolist()))


def first_batch(view: View, size: int, classes: int, rng: np.random.Generator) -> Ints:
    """`size` candidates to begin with: at most three a class at k-means centres, the rest at random.

    More centres would be outliers rather than variety; without features all are drawn at random.
    """
    size = min(size, len(view.candidates))
    if view.features is None:
        return at_random(view, size, rng)
    x = sound_features(view.features)[view.candidates]
    central = view.candidates[list(cold_start(x, min(size, COLD_START * classes), rng))]
    rest = View(candidates=np.setdiff1d(view.candidates, central))
    return np.concatenate([central, at_random(rest, size - len(central), rng)])


def needs_more_classes(labels: Sequence[Any]) -> bool:
    """Whether a cold start has seen one class only; then add random cases until it has seen two."""
    return len(set(labels)) < 2
