"""Row 11: model and three real people per image, imagenet16h, 200 labelled images, the rest scored, 10 seeds.

Model vgg19 by ridge vector scaling; the fusion learns from chances that have not seen the label of their image (five
folds). Peers on the same answers: majority (ties split), crowd-kit's Dawid-Skene with the model as one more reviewer,
cleanlab's CROWDLAB, and the plain product (α = β = 1).
"""

from __future__ import annotations

import math
import warnings
from collections import defaultdict
from collections.abc import Iterator
from typing import Any

import numpy as np
from figures import Figure, Options, over_seeds
from people import imagenet16h_people, scaled, shuffled, unseen

from handrail.learning.fusion import BAYES, evidence, fuse, log_chances
from handrail.learning.fusion_fit import fit_fusion

NUMBER = 11
CLAIM = "Human and model, several people: fitted weights do not count the same error twice"
PEOPLE = 3
LABELLED = 200
TARGETS = {80: 96.3, 95: 94.5, 110: 91.0, 125: 84.8}


def run(options: Options) -> Iterator[Figure]:
    for noise, target in TARGETS.items():
        stream, answers, who = imagenet16h_people(options.data, noise)
        found: dict[str, list[float]] = defaultdict(list)
        for seed in range(options.count(10)):
            rng = np.random.default_rng(seed)
            order = rng.permutation(len(stream))
            fit, test = order[:LABELLED], order[LABELLED:]
            said, names = shuffled(answers, who, rng, PEOPLE)
            q, y = scaled(stream.take(fit), stream.p), stream.truth
            fusion = fit_fusion(stream.classes, unseen(stream.take(fit)), y[fit], said[fit])
            total, hits = evidence(said[test], fusion.pool)
            log_p = log_chances(q[test])
            score = _scorer(y[test])
            found["ours"].append(score(fuse(log_p, total, hits, fusion.weights_for(PEOPLE)).argmax(axis=1)))
            found["product"].append(score(fuse(log_p, total, hits, BAYES).argmax(axis=1)))
            found["model alone"].append(score(q[test].argmax(axis=1)))
            found["majority"].append(_majority(said[test], y[test], len(stream.classes)))
            found["Dawid-Skene + model"].append(_dawid_skene(said[test], names[test], q[test], y[test]))
            found["CROWDLAB"].append(_crowdlab(said[test], names[test], q[test], y[test]))
        ours = found.pop("ours")
        yield over_seeds(
            f"accuracy %, noise {noise}, {PEOPLE} answers", ours, target=target, better="higher",
            peers={name: float(np.mean(values)) for name, values in found.items()},
        )  # fmt: skip
        if noise == 110:
            paired = [a - b for a, b in zip(ours, found["CROWDLAB"], strict=True)]
            yield over_seeds("points above CROWDLAB, noise 110, paired", paired, target=0.0, better="higher",
                             note="wanted: beaten; a tie is a miss")  # fmt: skip


def _scorer(truth: Any) -> Any:
    return lambda labels: 100.0 * float((labels == truth).mean())


def _majority(said: Any, truth: Any, k: int) -> float:
    counts = (said[:, :, None] == np.arange(k)).sum(axis=1)
    top = counts == counts.max(axis=1, keepdims=True)
    return 100.0 * float((top[np.arange(len(truth)), truth] / top.sum(axis=1)).mean())


def _dawid_skene(said: Any, who: Any, q: Any, truth: Any) -> float:
    try:
        import pandas as pd
        from crowdkit.aggregation import DawidSkene
    except ImportError:
        return math.nan
    rows = [(i, who[i, j], said[i, j]) for i, j in zip(*np.nonzero(said >= 0), strict=True)]
    rows += [(i, "model", label) for i, label in enumerate(q.argmax(axis=1))]
    made = DawidSkene(n_iter=100).fit_predict(pd.DataFrame(rows, columns=["task", "worker", "label"]))
    return 100.0 * float((made.reindex(range(len(truth))).to_numpy() == truth).mean())


def _crowdlab(said: Any, who: Any, q: Any, truth: Any) -> float:
    try:
        import pandas as pd
        from cleanlab.multiannotator import get_label_quality_multiannotator
    except ImportError:
        return math.nan
    names = sorted({str(name) for name in who[said >= 0]})
    place = {name: i for i, name in enumerate(names)}
    dense = np.full((len(said), len(names)), np.nan)
    for i, j in zip(*np.nonzero(said >= 0), strict=True):
        dense[i, place[who[i, j]]] = said[i, j]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        made = get_label_quality_multiannotator(
            pd.DataFrame(dense, columns=names),
            q,
            verbose=False,
            return_detailed_quality=False,
            return_annotator_stats=False,
        )
    return 100.0 * float((made["label_quality"]["consensus_label"].to_numpy() == truth).mean())
