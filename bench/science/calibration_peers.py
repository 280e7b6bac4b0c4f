"""Other libraries' calibrators over a model that is fixed: fit on (p, truth), then the confidence of the raw answer.

Each takes (fit, test) streams and gives one confidence a test row in the model's own top class. An exception, or a
library that is absent, is a NaN in the table with its reason.
"""

from __future__ import annotations

import math
import warnings
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from figures import Figure, over_seeds
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.calibration import CalibratedClassifierCV
from sklearn.frozen import FrozenEstimator
from streams import Floats, Stream, regret

Peer = Callable[[Stream, Stream], Floats]


class Given(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """A fitted classifier whose probabilities are its input."""

    def __init__(self, classes: int) -> None:
        self.classes = classes
        self.classes_ = np.arange(classes)
        self.n_features_in_ = classes

    def fit(self, x: Any, y: Any) -> Given:
        return self

    def predict_proba(self, X: Any) -> Any:  # noqa: N803  peers pass it by name
        return np.asarray(X)

    def predict(self, X: Any) -> Any:  # noqa: N803
        return np.asarray(X).argmax(axis=1)


def raw(_: Stream, test: Stream) -> Floats:
    return test.top


def scikit_learn(method: str) -> Peer:
    def made(fit: Stream, test: Stream) -> Floats:
        model = CalibratedClassifierCV(FrozenEstimator(Given(len(fit.classes))), method=method)
        q = model.fit(fit.p, fit.truth).predict_proba(test.p)
        whole = np.zeros_like(test.p)
        whole[:, model.classes_] = q
        return np.asarray(whole[np.arange(len(test)), test.p.argmax(axis=1)])

    return made


def netcal_histogram(fit: Stream, test: Stream) -> Floats:
    from netcal.binning import HistogramBinning

    model = HistogramBinning(bins=15)
    model.fit(fit.top, fit.right.astype(int))
    return np.asarray(model.transform(test.top)).ravel()


def mapie(method: str) -> Peer:
    def made(fit: Stream, test: Stream) -> Floats:
        from mapie.calibration import TopLabelCalibrator

        model = TopLabelCalibrator(estimator=Given(len(fit.classes)), cv="prefit", calibrator=method)
        q = model.fit(fit.p, fit.truth).predict_proba(test.p)
        return np.asarray(np.nan_to_num(np.asarray(q)[np.arange(len(test)), test.p.argmax(axis=1)]))

    return made


def venn_abers(fit: Stream, test: Stream) -> Floats:
    from venn_abers import VennAbers

    model = VennAbers()
    model.fit(np.stack([1 - fit.top, fit.top], axis=1), fit.right.astype(int))
    q, _ = model.predict_proba(np.stack([1 - test.top, test.top], axis=1))
    return np.asarray(q[:, 1])


def regrets(peers: Mapping[str, Peer], pairs: list[tuple[Stream, Stream]], r: float) -> tuple[dict[str, float], str]:
    """Mean regret of each peer over the draws it survives, and what went wrong."""
    found, notes = {}, []
    for name, peer in peers.items():
        values, failed = [], ""
        for fit, test in pairs:
            try:
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")
                    values.append(regret(peer(fit, test), test, r))
            except Exception as error:  # a failure is a finding
                failed = type(error).__name__
        found[name] = math.fsum(values) / len(values) if values else math.nan
        if failed:
            notes.append(f"{name}: {failed} in {len(pairs) - len(values)} of {len(pairs)} draws")
    return found, "; ".join(notes)


def against(
    peers: Mapping[str, Peer], pairs: list[tuple[Stream, Stream]], ours: list[float], picked: Counter[str],
    *, name: str, n: int, r: float, target: float,
) -> Figure:  # fmt: skip
    """Our regret on a stream beside that of the peers on the same draws, with the methods that were picked."""
    others, note = regrets(peers, pairs, r)
    methods = ", ".join(f"{method} {count}" for method, count in picked.most_common())
    return over_seeds(
        f"regret %, {name}, n = {n}, r = {r}", ours, target=target, peers=others,
        note="; ".join(filter(None, (f"picked: {methods}", note))),
    )  # fmt: skip
