"""Strategies of scikit-activeml as samplers. It is the caller who imports it and makes the strategy.

from skactiveml.pool import Badge
sampler = of_strategy(Badge(random_state=0), clf=SklearnClassifier(LogisticRegression(), classes=[0, 1, 2]))
"""

from __future__ import annotations

import inspect
from typing import Any

import numpy as np

from handrail.errors import InvalidInput
from handrail.learning.kmeans import Ints
from handrail.learning.samplers import Sampler, View, sound_features


def of_strategy(strategy: Any, **more: Any) -> Sampler:
    """A pool-based, single-annotator strategy as a sampler; `more` goes to its `query` (a classifier as `clf`).

    Its classes are numbers: those of the choices, in their order. Unlabelled rows reach it as NaN, as it wants them.
    Raises `InvalidInput` for what has no `query` that takes candidates, and for what a strategy gives back beyond them.
    """
    query = getattr(strategy, "query", None)
    if query is None or "candidates" not in inspect.signature(query).parameters:
        raise InvalidInput(
            f"{type(strategy).__name__} is no pool-based strategy of scikit-activeml",
            remedy="Give an object such as skactiveml.pool.CoreSet().",
        )

    def pick(view: View, size: int, rng: np.random.Generator) -> Ints:
        x = sound_features(view.features)
        known = np.full(len(x), np.nan)
        known[view.labelled] = view.answers
        size = min(size, len(view.candidates))
        found = np.asarray(query(X=x, y=known, candidates=view.candidates, batch_size=size, **more), dtype=np.int64)
        if len(set(found.tolist())) != size or not np.isin(found, view.candidates).all():
            raise InvalidInput(f"{type(strategy).__name__} picked what it was not offered")
        return found

    return pick
