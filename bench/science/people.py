"""People's answers to the streams, drawn case by case: one each, several without repeats, or with who gave them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from streams import Floats, Stream, Whole, imagenet16h, rows_of

from handrail.calibration.fit import fit
from handrail.calibration.scores import read_scores, softmax
from handrail.calibration.vector import fit_vector


def scaled(train: Stream, p: Floats) -> Floats:
    """The model's chances by ridge vector scaling, fitted on `train`."""
    return fit("vector", train.p, truth=train.truth, names=train.classes, fitted_at=0).chances_many(p)


def unseen(train: Stream, folds: int = 5) -> Floats:
    """The chances of `train` itself, each case's from a fit on the others: what teaches how far to believe the model.
    Chances of a fit that has seen the truth look better than those of new cases will be.
    """
    made = np.empty_like(train.p)
    read, ones = read_scores(train.p, "probability"), np.ones(len(train))
    fold = np.empty(len(train), dtype=np.int64)
    fold[np.argsort(train.truth, kind="stable")] = np.arange(len(train)) % folds
    for each in range(folds):
        out = fold == each
        found = fit_vector(read[~out], train.truth[~out], ones[~out])
        made[out] = softmax(found.weights * read[out] + found.shifts)
    return made


def one_each(stream: Stream, rng: np.random.Generator) -> Whole:
    """One real answer a case, drawn from the counts."""
    assert stream.people is not None
    shares = stream.people.cumsum(axis=1) / stream.people.sum(axis=1, keepdims=True)
    return np.asarray((rng.random(len(stream))[:, None] >= shares).sum(axis=1))


def several(stream: Stream, rng: np.random.Generator, most: int) -> Whole:
    """Up to `most` answers a case, each given by somebody else: drawn from the counts; −1: none left."""
    assert stream.people is not None
    made = np.full((len(stream), most), -1)
    for i, counts in enumerate(stream.people.astype(int)):
        heard = rng.permutation(np.repeat(np.arange(len(counts)), counts))[:most]
        made[i, : len(heard)] = heard
    return made


def imagenet16h_people(data: Path, noise: int) -> tuple[Stream, Whole, NDArray[np.object_]]:
    """The stream, every answer (cases, most people; −1 where there are fewer) and who gave it."""
    stream = imagenet16h(data, noise=noise)
    folder = data / "unclear" / "imagenet16h"
    said = [r for r in rows_of(folder / "models.csv.gz") if r["model"] == "vgg19" and r["noise"] == str(noise)]
    at = {row["image"]: i for i, row in enumerate(said)}
    heard: list[list[tuple[int, str]]] = [[] for _ in said]
    for row in rows_of(folder / "labels.csv.gz"):
        if row["noise"] == str(noise) and row["label"] in stream.classes:
            heard[at[row["image"]]].append((stream.classes.index(row["label"]), row["worker"]))
    widest = max(map(len, heard))
    answers, who = np.full((len(said), widest), -1), np.full((len(said), widest), "", dtype=object)
    for i, given in enumerate(heard):
        for j, (label, worker) in enumerate(given):
            answers[i, j], who[i, j] = label, worker
    return stream, answers, who


def shuffled(
    answers: Whole, who: NDArray[np.object_], rng: np.random.Generator, most: int
) -> tuple[Whole, NDArray[np.object_]]:
    """The first `most` answers of each case in an order drawn anew."""
    order = np.argsort(np.where(answers >= 0, rng.random(answers.shape), 2.0), axis=1)[:, :most]
    return np.take_along_axis(answers, order, axis=1), np.take_along_axis(who, order, axis=1)
