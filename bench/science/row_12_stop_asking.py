"""Row 12: ask one person after another while an answer is worth more than r = 0.02, at most six. 20 seeds.

Fitted on 1,000 labelled cases (imagenet16h: 300 of 715), the rest scored. Answers of cifar10h_model are drawn from the
counts, those of imagenet16h are real people, each asked once. Peer: a fixed three for every case, by majority.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from figures import Figure, Options, over_seeds
from people import scaled, several, unseen
from row_11_several_people import _majority
from streams import Floats, Stream, Whole, cifar10h_model, imagenet16h

from handrail.learning.fusion import Fusion, fuse, log_chances, softmax, values
from handrail.learning.fusion_fit import fit_fusion

NUMBER = 12
CLAIM = "When to stop asking: the value of one more answer stops by itself"
PRICE = 0.02
MOST = 6
SETS = (
    ("cifar10h_model", cifar10h_model, 1000, 98.1, 0.35),
    ("imagenet16h 80", lambda data: imagenet16h(data, noise=80), 300, 95.4, 0.45),
    ("imagenet16h 110", lambda data: imagenet16h(data, noise=110), 300, 90.4, 0.75),
)


def run(options: Options) -> Iterator[Figure]:
    for name, read, labelled, accuracy, answers in SETS:
        stream: Stream = read(Path(options.data))
        right, asked, three = [], [], []
        for seed in range(options.count(20)):
            rng = np.random.default_rng(seed)
            order = rng.permutation(len(stream))
            fit, test = order[:labelled], order[labelled:]
            said, y = several(stream, rng, MOST), stream.truth
            q = scaled(stream.take(fit), stream.p)
            fusion = fit_fusion(stream.classes, unseen(stream.take(fit)), y[fit], said[fit])
            labels, count = ask(fusion, q[test], said[test])
            right.append(100.0 * float((labels == y[test]).mean()))
            asked.append(float(count.mean()))
            three.append(_majority(said[test][:, :3], y[test], len(stream.classes)))
        peers = {"majority of three": float(np.mean(three))}
        yield over_seeds(f"accuracy %, {name}, r = {PRICE}", right, target=accuracy, better="higher", peers=peers)
        yield over_seeds(
            f"answers a case, {name}, r = {PRICE}", asked, target=answers, peers={"majority of three": 3.0}
        )


def ask(fusion: Fusion, q: Floats, said: Whole) -> tuple[Whole, Whole]:
    """Final answers and how many people each case took: `Fusion.value` for all cases at once."""
    log_p, k = log_chances(q), q.shape[1]
    held, log_m = softmax(log_p), np.log(fusion.pool)
    total, hits = np.zeros_like(q), np.zeros_like(q)
    asked, live = np.zeros(len(q), dtype=np.int64), np.ones(len(q), dtype=bool)
    for count in range(1, MOST + 1):
        weights = fusion.weights_for(count)
        after = fuse(log_p[:, None, :], total[:, None, :] + log_m.T, hits[:, None, :] + np.eye(k), weights)
        live &= (fusion.scale * values(held, after, fusion.pool) > PRICE) & (said[:, count - 1] >= 0)
        heard = said[live, count - 1]
        total[live] += log_m.T[heard]
        hits[live] += np.eye(k)[heard]
        asked[live] += 1
        held[live] = fuse(log_p[live], total[live], hits[live], weights)
    return held.argmax(axis=1), asked
