"""A small pool of handwritten digits (shipped with scikit-learn), and a model that learns them in a moment."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression

from handrail.client.learn.pool import Pool, pool_of

CHOICES = ("0", "1", "2", "3")


@lru_cache(maxsize=1)
def digits() -> tuple[Any, Any]:
    """Features and truth of the pictures that show 0 to 3."""
    held = load_digits(n_class=4)
    return held.data / 16.0, held.target


def pool(cases: int = 200) -> Pool:
    features, _ = digits()
    return pool_of([{"id": f"d{n}", "input": {"item": n}} for n in range(cases)], features[:cases])


def truth(arguments: dict[str, Any]) -> str:
    """What a careful person says."""
    return str(digits()[1][arguments["item"]])


def model() -> LogisticRegression:
    return LogisticRegression(C=10.0, max_iter=200)


def right(chances: Any, cases: int = 200) -> float:
    """Share of the pool that the chances get right."""
    return float((np.asarray(chances).argmax(axis=1) == digits()[1][:cases]).mean())
