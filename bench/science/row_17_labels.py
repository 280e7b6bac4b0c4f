"""Row 17: labels until a model is as good as 95 % of what all labels would make it.

Protocol of science.md §7. A seed's `default_rng(s).permutation` cuts a set into pool and test rows. TF-IDF (1-2-grams,
seen twice) and 256 SVD components are fitted on the pool's texts without labels, rows have length 1, the model is
logistic regression with C = 10. Quality is the metric on the test rows; a run ends when two batches running reach 95 %
of what the whole pool's labels reach, and counts the labels of the first of the two. Figures are medians over five
seeds; the interval is the median ± the t interval of the mean. All start alike in size; ours begins at k-means centres
(three a class, the rest at random), a peer with the same number at random, and both add random cases until two classes
are seen.

`spread` is the default sampler. That it levels the chances of the classes was chosen on seeds from 1000 on of these
same sets, never on the seeds reported; `not levelled` is the sampler without it. ProbCover and MaxHerding look at all
pairs of a pool, minutes a batch on the larger ones: they and BADGE run on sms_spam alone.

`+ reserve`: 15 % of every batch comes from a part of the pool that was put aside before anything was scored. It counts
as labels, and trains too; `held out` counts it and does not train on it.
"""

from __future__ import annotations

import csv
import functools
import gzip
import math
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from figures import Figure, Options, over_seeds
from sklearn.decomposition import TruncatedSVD
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, f1_score
from sklearn.preprocessing import normalize
from threadpoolctl import threadpool_limits

from handrail.learning.activeml import of_strategy
from handrail.learning.kmeans import Ints
from handrail.learning.queries import first_batch, partition
from handrail.learning.samplers import Sampler, View, at_random, by_margin, by_spread_margin

NUMBER = 17
CLAIM = "Labels saved: what teaches most is asked first"

SEEDS = 5
ENOUGH = 0.95


@dataclass(frozen=True, slots=True)
class Set:
    """One data set: where it lies, what is predicted, how good is measured, how it is asked."""

    path: str
    text: str
    label: str
    pool: int
    start: int
    batch: int
    metric: Callable[[Any, Any], float]
    target: float
    # whether the target includes the reserve
    reserved: bool
    peers: tuple[str, ...]


def f1_of(name: str) -> Callable[[Any, Any], float]:
    return lambda truth, said: float(f1_score(truth == name, said == name))


def macro_f1(truth: Any, said: Any) -> float:
    return float(f1_score(truth, said, average="macro"))


def accuracy(truth: Any, said: Any) -> float:
    return float(accuracy_score(truth, said))


SETS = {
    "sms_spam": Set("unclear/sms_spam/messages.csv.gz", "text", "label", 2_100, 20, 10, f1_of("spam"), 125, True,
                    ("CoreSet", "Badge", "ProbCover", "MaxHerding")),
    "davidson_tweets": Set("davidson_tweets/items.csv.gz", "text", "majority", 9_000, 100, 100, macro_f1, 1_100, False,
                           ("CoreSet",)),
    "banking77": Set("banking77/queries.csv.gz", "text", "intent", 7_000, 154, 154, accuracy, 2_050, True,
                     ("CoreSet",)),
    "edos_sexism": Set("edos_sexism/posts.csv.gz", "text", "label_sexist", 10_000, 100, 100, f1_of("sexist"), 2_100,
                       False, ("CoreSet",)),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Drawn:
    """One seed's pool and test rows as numbers, and the quality that counts as enough."""

    terms: Set
    pool: Any
    truth: Any
    test: Any
    test_truth: Any
    classes: Any
    enough: float


def run(options: Options) -> Iterator[Figure]:
    with threadpool_limits(1):
        for name, terms in SETS.items():
            yield from _run_set(name, terms, options)


def _run_set(name: str, terms: Set, options: Options) -> Iterator[Figure]:
    plays: list[dict[str, float]] = []
    for seed in range(options.count(SEEDS)):
        begun = time.process_time()
        plays.append(dict(_plays(draw(options.data, terms, seed), seed)))
        print(f"{name} seed {seed}: {time.process_time() - begun:.0f} s", plays[-1], file=sys.stderr, flush=True)
    yield from figures_of(name, terms, plays)


def figures_of(name: str, terms: Set, plays: list[dict[str, float]]) -> Iterator[Figure]:
    """The figures of one set from its plays, one a seed: labels by method."""
    by = {method: [play[method] for play in plays] for method in plays[0]}
    ours = "spread + reserve" if terms.reserved else "spread"
    peers = {method: statistics.median(values) for method, values in by.items() if method != ours}
    yield _median(f"labels, {name}, {ours}", by[ours], target=terms.target, peers=peers)
    saved = [100.0 * (1.0 - mine / other) for mine, other in zip(by[ours], by["random"], strict=True)]
    yield over_seeds(f"labels saved against random %, {name}, {ours}, paired", saved, better="higher", target=0.0)


def _plays(drawn: Drawn, seed: int) -> Iterator[tuple[str, float]]:
    yield "random", play(drawn, at_random, seed, cold=False)
    yield "margin", play(drawn, by_margin, seed)
    yield "not levelled", play(drawn, not_levelled, seed)
    yield "spread", play(drawn, by_spread_margin, seed)
    yield "spread + reserve", play(drawn, by_spread_margin, seed, reserve=0.15)
    yield "spread + reserve held out", play(drawn, by_spread_margin, seed, reserve=0.15, trains=False)
    for peer in drawn.terms.peers:
        yield f"scikit-activeml {peer}", _peer(peer, drawn, seed)


def not_levelled(view: View, size: int, rng: np.random.Generator) -> Ints:
    """The default sampler where it knows nothing of how often each class was labelled."""
    return by_spread_margin(View(candidates=view.candidates, chances=view.chances, features=view.features), size, rng)


def play(
    drawn: Drawn, pick: Sampler, seed: int, *, cold: bool = True, reserve: float = 0.0, trains: bool = True
) -> float:
    """Labels until enough; the whole pool's size where that is never reached."""
    rng = np.random.default_rng([seed, 17])
    terms, n = drawn.terms, len(drawn.pool)
    cut = partition(n, rng, reserve=reserve)
    kept = list(cut.reserve.tolist())
    open_, labelled, held = cut.active, np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64)
    counted: list[tuple[int, float]] = []
    chances = None
    while len(labelled) + len(held) < n:
        size = terms.batch if chances is not None else terms.start
        from_reserve = min(len(kept), round(size * reserve))
        held = np.concatenate([held, np.array(kept[:from_reserve], dtype=np.int64)])
        del kept[:from_reserve]
        view = View(candidates=open_, chances=chances, features=drawn.pool, labelled=labelled,
                    answers=drawn.truth[labelled])  # fmt: skip
        size -= from_reserve
        if chances is not None:
            new = pick(view, size, rng)
        else:
            new = first_batch(view, size, len(drawn.classes), rng) if cold else at_random(view, size, rng)
        while chances is None and len(np.unique(drawn.truth[np.concatenate([new, held]) if trains else new])) < 2:
            more = View(candidates=np.setdiff1d(open_, new))
            new = np.concatenate([new, at_random(more, 1, rng)])
        labelled, open_ = np.concatenate([labelled, new]), np.setdiff1d(open_, new)
        known = np.concatenate([labelled, held]) if trains else labelled
        model = fitted(drawn.pool[known], drawn.truth[known])
        quality = terms.metric(drawn.classes[drawn.test_truth], drawn.classes[model.predict(drawn.test)])
        counted.append((len(labelled) + len(held), quality))
        if len(counted) > 1 and min(counted[-1][1], counted[-2][1]) >= drawn.enough:
            return float(counted[-2][0])
        chances = model.predict_proba(drawn.pool)
        if not len(open_):
            break
    return float(n)


def draw(data: Path, terms: Set, seed: int) -> Drawn:
    texts, labels = _read(data / terms.path, terms.text, terms.label)
    order = np.random.default_rng(seed).permutation(len(texts))
    pool, test = order[: terms.pool], order[terms.pool :]
    vectors = TfidfVectorizer(ngram_range=(1, 2), min_df=2, sublinear_tf=True)
    squeeze = TruncatedSVD(256, random_state=seed)
    x = normalize(squeeze.fit_transform(vectors.fit_transform([texts[i] for i in pool])))
    t = normalize(squeeze.transform(vectors.transform([texts[i] for i in test])))
    classes, numbers = np.unique(labels, return_inverse=True)
    full = fitted(x, numbers[pool])
    enough = ENOUGH * terms.metric(classes[numbers[test]], classes[full.predict(t)])
    return Drawn(terms, x, numbers[pool], t, numbers[test], classes, enough)


def fitted(x: Any, y: Any) -> LogisticRegression:
    # a looser tolerance stops at zero on rows of length 1 with many classes
    return LogisticRegression(C=10.0, tol=1e-4, max_iter=500).fit(x, y)


@functools.cache
def _read(path: Path, text: str, label: str) -> tuple[list[str], Any]:
    with gzip.open(path, "rt", encoding="utf-8", newline="") as lines:
        rows = [(row[text], row[label]) for row in csv.DictReader(lines)]
    return [row[0] for row in rows], np.array([row[1] for row in rows])


def _peer(name: str, drawn: Drawn, seed: int) -> float:
    try:
        from skactiveml import pool as strategies
        from skactiveml.classifier import SklearnClassifier
    except ImportError:
        return math.nan
    strategy = getattr(strategies, name)
    if name == "Badge":
        model = SklearnClassifier(
            LogisticRegression(C=10.0, max_iter=500), classes=list(range(len(drawn.classes))), random_state=seed
        )
        pick = of_strategy(strategy(random_state=seed), clf=model)
    elif name == "ProbCover":
        pick = of_strategy(strategy(n_classes=len(drawn.classes), random_state=seed))
    else:
        pick = of_strategy(strategy(random_state=seed))
    return play(drawn, pick, seed, cold=False)


def _median(what: str, values: list[float], **fields: Any) -> Figure:
    mean = over_seeds(what, values, **fields)
    half, middle = (mean.high - mean.low) / 2.0, statistics.median(values)
    return Figure(what=what, ours=middle, low=middle - half, high=middle + half, n=len(values), **fields)
