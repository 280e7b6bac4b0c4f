"""Handwritten digits (shipped with scikit-learn) and a classifier for them. Needs the extra `ml`.

Data: E. Alpaydin, C. Kaynak (1998), Optical Recognition of Handwritten Digits: 1,797 pictures of 8 × 8 greys.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.datasets import load_digits
from sklearn.multiclass import OneVsRestClassifier
from sklearn.svm import SVC

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

CLASSES = 10
# margin of a class the model has never seen
UNSEEN = -8.0
FOLDS = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Digits:
    """Pictures (0 to 16, 16 is ink), the same as rows of features in [0, 1], and what they show."""

    pictures: Floats
    features: Floats
    truth: Ints

    def grey(self, item: int) -> Any:
        """The picture as greys 0 to 255, ink dark."""
        return 255 - np.asarray(self.pictures[item] * (255 / 16)).astype(np.uint8)


class Model:
    """One margin a class by support vectors (RBF), fitted on features and the answers people gave."""

    def __init__(self, features: Floats, answers: Ints):
        self._seen: Ints = np.unique(answers)
        self._svc = OneVsRestClassifier(SVC(gamma=0.05, C=3.0)).fit(features, answers)

    def margins(self, features: Floats) -> Floats:
        """One row a picture, one column a digit; the largest is the model's answer."""
        made = np.full((len(features), CLASSES), UNSEEN)
        found = self._svc.decision_function(features)
        made[:, self._seen] = np.column_stack([-found, found]) if found.ndim == 1 else found
        return made


def load() -> Digits:
    """All pictures."""
    held = load_digits()
    return Digits(pictures=held.images, features=held.data / 16.0, truth=held.target.astype(np.int64))


def cross_fitted(features: Floats, answers: Ints, rng: np.random.Generator) -> Floats:
    """Margins of each picture by a model that has not seen it (five folds)."""
    made = np.empty((len(features), CLASSES))
    fold = rng.permutation(len(features)) % FOLDS
    for held_out in range(FOLDS):
        out = fold == held_out
        made[out] = Model(features[~out], answers[~out]).margins(features[out])
    return made
