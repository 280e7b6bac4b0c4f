"""Fit a fusion: confusion matrices from every labelled answer, weights by conditional logit from 200 cases on.

Each case's evidence for the weights comes from matrices that have not seen the case. The ridge of one pseudo-case
pulls the weights to (1, ½, ½). They are fitted for one answer, for two, …, as far as 200 labelled cases have so many.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from handrail.errors import InvalidInput, NotEnoughEvidence
from handrail.learning.expertise import OWN, Floats, Integers, by_person, counted, own, pooled
from handrail.learning.fusion import BAYES, Fusion, Weights, evidence, fuse, log_chances, values

# labelled cases before weights are fitted, and before a fusion exists at all
LEAST_CASES = 200
LEAST_ANSWERS = 30
TOWARDS: Weights = (1.0, 0.5, 0.5)
FOLDS = 5
# the most answers a case that weights are fitted for
MOST = 6
_ROUNDS = 50


def fit_fusion(
    classes: Sequence[str],
    chances: Any,
    truth: Any,
    answers: Any,
    *,
    people: Any = None,
    further: Sequence[tuple[int, int, str]] = (),
    fitted_at: int = 0,
    least: int = LEAST_CASES,
) -> Fusion:
    """Fit on labelled cases. `chances` (cases, K): the model's, calibrated on other cases than these, as they were when
    the case was proposed; chances that have seen the truth teach too much faith in the model. `truth` (cases,): a class
    number each.

    `answers` (cases, people): class numbers in the order they came, −1 where nobody answered. `people`: who gave them,
    in the same shape; without it everybody is pooled. `further`: (truth, answer, person) that teach the matrices alone.
    Raises `NotEnoughEvidence` below 30 labelled answers and
    `InvalidInput` for shapes and classes that do not fit.
    """
    log_p = log_chances(chances)
    k = len(classes)
    y = np.asarray(truth, dtype=np.int64)
    said = np.asarray(answers, dtype=np.int64)
    who = None if people is None else np.asarray(people, dtype=object)
    if (
        log_p.shape != (len(y), k)
        or said.ndim != 2
        or len(said) != len(y)
        or (who is not None and who.shape != said.shape)
    ):
        raise InvalidInput(f"chances, truths and answers of {k} classes do not have one row a case each")
    at, slot = np.nonzero(said >= 0)
    have = len(at) + len(further)
    if have < LEAST_ANSWERS:
        raise NotEnoughEvidence(
            f"not enough evidence yet ({have} of {LEAST_ANSWERS} labelled answers)", have=have, need=LEAST_ANSWERS
        )
    names = np.full(len(at), "") if who is None else who[at, slot]
    pool, own_ones = by_person(
        [*y[at], *(each[0] for each in further)], [*said[at, slot], *(each[1] for each in further)],
        [*names, *(each[2] for each in further)], k,
    )  # fmt: skip
    order = np.argsort(said < 0, axis=1, kind="stable")
    packed = np.take_along_axis(said, order, axis=1)
    held = None if who is None else np.take_along_axis(who, order, axis=1)
    weights, scale = _weights_and_scale(log_p, y, packed, held, k, least)
    named = {} if who is None else {str(name): matrix for name, matrix in own_ones.items()}
    return Fusion(
        classes=tuple(map(str, classes)), pool=pool, people=named,
        weights=weights, scale=scale, answers=have, n=int((packed[:, 0] >= 0).sum()), fitted_at=fitted_at,
    )  # fmt: skip


def fit_weights(log_p: Floats, total: Floats, hits: Floats, truth: Integers) -> Weights:
    """Conditional logit of the truth on (log p, Σ log M, hits), by Newton; ridge 1/n to (1, ½, ½). α, β ≥ 0."""
    x = np.stack([log_p, total, hits], axis=2)
    towards = np.asarray(TOWARDS)
    rows = np.arange(len(truth))
    free = np.ones(3, dtype=bool)
    w = towards.copy()
    for _ in range(_ROUNDS):
        q = fuse(log_p, total, hits, w)
        mean = np.einsum("nk,nkf->nf", q, x)
        gradient = (mean - x[rows, truth]).sum(axis=0) + 2.0 * (w - towards)
        spread = x - mean[:, None, :]
        hessian = np.einsum("nk,nkf,nkg->fg", q, spread, spread) + 2.0 * np.eye(3)
        step = np.zeros(3)
        step[free] = np.linalg.solve(hessian[np.ix_(free, free)], gradient[free])
        size = 1.0
        before = _loss(log_p, total, hits, truth, w)
        while size > 1e-4 and _loss(log_p, total, hits, truth, w - size * step) > before + 1e-12:
            size /= 2.0
        w = w - size * step
        # a model or people worse than nothing are left out, never read backwards
        bad = (w < 0.0) & np.array([True, True, False])
        w[bad] = 0.0
        free &= ~bad
        if np.abs(size * step).max() < 1e-8:
            break
    return float(w[0]), float(w[1]), float(w[2])


def realised_scale(gained: Any, promised: Any) -> float:
    """What a promised gain is worth: s = (Σ g·V + 0.3) / (Σ V² + 0.3), kept within 0 and 2."""
    g, v = np.asarray(gained, dtype=np.float64), np.asarray(promised, dtype=np.float64)
    if g.shape != v.shape or not np.isfinite(g).all() or not np.isfinite(v).all():
        raise InvalidInput("as many finite gains as promises are needed")
    return float(np.clip(((g * v).sum() + 0.3) / ((v * v).sum() + 0.3), 0.0, 2.0))


def _loss(log_p: Floats, total: Floats, hits: Floats, truth: Integers, w: Floats) -> float:
    q = fuse(log_p, total, hits, w)[np.arange(len(truth)), truth]
    return float(-np.log(np.maximum(q, 1e-300)).sum() + ((w - np.asarray(TOWARDS)) ** 2).sum())


def _weights_and_scale(
    log_p: Floats, y: Integers, said: Integers, who: Any, k: int, least: int
) -> tuple[tuple[Weights, ...], float]:
    """Weights for one answer, two, … from cases that have so many; and what a promised gain was worth."""
    made: list[Weights] = []
    cross = _cross_fitted(y, said, who, k)
    promised, gained = [np.zeros(0)], [np.zeros(0)]
    for count in range(1, min(MOST, said.shape[1]) + 1):
        enough = said[:, count - 1] >= 0
        if enough.sum() < max(1, least):
            break
        total, hits = evidence(said[enough, :count], cross[enough][:, :count])
        weights = fit_weights(log_p[enough], total, hits, y[enough])
        made.append(weights)
        v, g = _gains(log_p[enough], y[enough], said[enough, :count], cross[enough][:, :count], made)
        promised.append(v)
        gained.append(g)
    return tuple(made), realised_scale(np.concatenate(gained), np.concatenate(promised)) if made else 1.0


def _gains(log_p: Floats, y: Integers, said: Integers, cross: Floats, weights: list[Weights]) -> tuple[Floats, Floats]:
    """What the last of these answers promised to gain, and what it gained."""
    count = said.shape[1]
    total, hits = evidence(said[:, : count - 1], cross[:, : count - 1])
    held = fuse(log_p, total, hits, weights[count - 2] if count > 1 else BAYES)
    logs = np.log(cross[:, count - 1])
    k = log_p.shape[1]
    after = fuse(
        log_p[:, None, :], total[:, None, :] + logs.transpose(0, 2, 1), hits[:, None, :] + np.eye(k), weights[-1]
    )
    promised = values(held, after, cross[:, count - 1])
    best = after.argmax(axis=2)
    chosen = best[np.arange(len(y)), said[:, -1]]
    return promised, (chosen == y).astype(np.float64) - (held.argmax(axis=1) == y)


def _cross_fitted(y: Integers, said: Integers, who: Any, k: int) -> Floats:
    """For each answer the matrix of its giver, from the other folds' cases: (cases, people, K, K)."""
    n, people = said.shape
    fold = np.empty(n, dtype=np.int64)
    for label in range(k):
        members = np.flatnonzero(y == label)
        fold[members] = (np.arange(len(members)) + label) % FOLDS
    made = np.empty((n, people, k, k))
    for each in range(FOLDS):
        out = fold == each
        rows, slots = np.nonzero((said >= 0) & ~out[:, None])
        pool = pooled(counted(y[rows], said[rows, slots], k))
        made[out] = pool
        if who is None:
            continue
        names = who[rows, slots]
        for name in {str(x) for x in names}:
            mine = names == name
            matrix = own(counted(y[rows[mine]], said[rows[mine], slots[mine]], k), pool) if mine.sum() >= OWN else None
            if matrix is not None:
                made[out[:, None] & (who == name)] = matrix
    return made
