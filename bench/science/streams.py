"""Streams of cases: what a model said about each, what was true, and what people said where they were asked.

A text model is trained once, on the first rows of `default_rng(0).permutation`; those rows are never in its stream. A
seed then permutes the stream: the first n rows are for fitting, the rest for testing (`Stream.split`). Text models are
kept in build/science-streams, since fitting takes up to a minute.
"""

from __future__ import annotations

import csv
import gzip
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from figures import HERE
from numpy.typing import NDArray
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import MultinomialNB

Floats = NDArray[np.float64]
Whole = NDArray[np.int64]

KEPT = HERE.parents[1] / "build" / "science-streams"
# change it when a recipe below changes
RECIPE = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Stream:
    """n cases in the order of their file (or of the seed, after `take`)."""

    name: str
    classes: tuple[str, ...]
    # (n, classes): the model's probabilities; each row sums to 1
    p: Floats
    # (n,): the true class, as its place in `classes`
    truth: Whole
    # (n, classes): how many people said each class; None where nobody was asked
    people: Floats | None = None

    def __len__(self) -> int:
        return len(self.truth)

    @property
    def top(self) -> Floats:
        """The model's own confidence in its answer."""
        return np.asarray(self.p.max(axis=1))

    @property
    def right(self) -> Floats:
        """1 where the model's answer was right."""
        return np.asarray(self.p.argmax(axis=1) == self.truth, dtype=np.float64)

    def take(self, rows: Whole) -> Stream:
        people = None if self.people is None else self.people[rows]
        return replace(self, p=self.p[rows], truth=self.truth[rows], people=people)

    def split(self, n: int, seed: int) -> tuple[Stream, Stream]:
        """n cases to fit on, and the rest to test on."""
        order = np.random.default_rng(seed).permutation(len(self))
        return self.take(order[:n]), self.take(order[n:])


def rows_of(path: Path) -> list[dict[str, str]]:
    """A gzipped CSV as dictionaries."""
    with gzip.open(path, "rt", encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def cifar10h_model(data: Path) -> Stream:
    """5,972 images, ten classes, about 51 people each (counts, no persons)."""
    rows = rows_of(data / "cifar10h_model" / "items.csv.gz")
    p = np.array([[float(row[f"model_p{k}"]) for k in range(10)] for row in rows])
    people = np.array([[float(row[f"human_{k}"]) for k in range(10)] for row in rows])
    truth = np.array([int(row["gold"]) for row in rows])
    names = tuple("airplane automobile bird cat deer dog frog horse ship truck".split())
    return _stream("cifar10h_model", names, p, truth, people)


def imagenet16h(data: Path, *, model: str = "vgg19", noise: int = 110) -> Stream:
    """715 images, sixteen classes, about six people each. `noise` 80, 95, 110 or 125."""
    folder = data / "unclear" / "imagenet16h"
    gold = {row["image"]: row["gold"] for row in rows_of(folder / "truth.csv.gz")}
    said = [r for r in rows_of(folder / "models.csv.gz") if r["model"] == model and r["noise"] == str(noise)]
    names = tuple(name for name in said[0] if name not in ("noise", "image", "model"))
    at = {row["image"]: i for i, row in enumerate(said)}
    people = np.zeros((len(said), len(names)))
    for row in rows_of(folder / "labels.csv.gz"):
        if row["noise"] == str(noise) and row["label"] in names:
            people[at[row["image"]], names.index(row["label"])] += 1
    p = np.array([[float(row[name]) for name in names] for row in said])
    truth = np.array([names.index(gold[row["image"]]) for row in said])
    return _stream(f"imagenet16h {model} {noise}", names, p, truth, people)


def davidson_tweets(data: Path, *, model: str = "logistic") -> Stream:
    """9,003 tweets, three classes, three votes and more; the truth is the majority. `model` logistic or bayes."""
    rows = rows_of(data / "davidson_tweets" / "items.csv.gz")
    names = tuple(sorted({row["majority"] for row in rows}))
    truth = np.array([names.index(row["majority"]) for row in rows])
    people = np.array([[float(row[f"votes_{name}"]) for name in names] for row in rows])
    held, p = _text_model("davidson", model, [row["text"] for row in rows], truth, 6_000)
    return _stream(f"davidson_tweets {model}", names, p, truth[held], people[held])


def banking77(data: Path) -> Stream:
    """6,003 queries of bank customers, 77 intents; nobody was asked."""
    rows = rows_of(data / "banking77" / "queries.csv.gz")
    names = tuple(sorted({row["intent"] for row in rows}))
    truth = np.array([names.index(row["intent"]) for row in rows])
    held, p = _text_model("banking77", "logistic", [row["text"] for row in rows], truth, 4_000)
    return _stream("banking77", names, p, truth[held], None)


# the streams of the calibration and gate rows, by the name the table gives them
STREAMS: dict[str, Callable[[Path], Stream]] = {
    "cifar10h_model": cifar10h_model,
    "davidson_tweets logistic": davidson_tweets,
    "davidson_tweets naive Bayes": lambda data: davidson_tweets(data, model="bayes"),
    "banking77": banking77,
    "imagenet16h vgg19 110": imagenet16h,
}


def regret(confidence: Floats, stream: Stream, r: float) -> float:
    """Percent by which following `confidence ≥ 1 − r` costs more than the best cut of the raw score, on this stream.

    An error that is let through costs 1, a review r, and reviewers are perfect. Negative: a better ranking than raw.
    """
    wrong, n = 1.0 - stream.right, len(stream)
    passed = np.concatenate([[0.0], np.cumsum(wrong[np.argsort(-stream.top, kind="stable")])])
    best = float(np.min(passed + r * (n - np.arange(n + 1))))
    go = confidence >= 1.0 - r
    paid = float(wrong[go].sum() + r * (~go).sum())
    return 100.0 * (paid / best - 1.0)


def _stream(name: str, classes: tuple[str, ...], p: Any, truth: Any, people: Any) -> Stream:
    return Stream(name=name, classes=classes, p=p / p.sum(axis=1, keepdims=True), truth=truth, people=people)


def _text_model(name: str, model: str, texts: list[str], truth: Whole, n: int) -> tuple[Whole, Floats]:
    """The rows that were held out, and the model's probabilities for them."""
    order = np.random.default_rng(0).permutation(len(texts))
    held = order[n:]
    kept = KEPT / f"{name}-{model}-{n}-{RECIPE}.npy"
    if kept.exists():
        return held, np.load(kept)
    terms = TfidfVectorizer(ngram_range=(1, 2), min_df=2, sublinear_tf=True)
    x = terms.fit_transform([texts[i] for i in order[:n]])
    made = MultinomialNB(alpha=0.1) if model == "bayes" else LogisticRegression(C=10.0, max_iter=1_000)
    p = made.fit(x, truth[order[:n]]).predict_proba(terms.transform([texts[i] for i in held]))
    KEPT.mkdir(parents=True, exist_ok=True)
    part = kept.with_suffix(".part.npy")
    np.save(part, p)
    part.replace(kept)
    return held, p
