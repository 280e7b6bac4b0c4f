"""The EM of Dawid-Skene with priors, in logarithms and in few rounds.

A model is one array of logarithms, each row a distribution over the labels: row r·K + i is what reviewer r says where
label i is true, the last row the rates of the labels. SQUAREM (Varadhan and Roland 2008) leaps along the way two rounds
of EM went. A leap that does not raise the posterior density is dropped, and plain EM goes on from where it was: so
the density never falls, and the end is a point where EM stands still.
"""

from __future__ import annotations

import numpy as np

from handrail.consensus.answers import Answers, Floats, Integers
from handrail.consensus.majority import shares

TOLERANCE = 1e-4
ROUNDS = 100


def fit(held: Answers, known: Integers) -> tuple[Floats, int, bool]:
    """Chances of the truth, shape (cases, labels); the rounds it took, and whether they stood still by then.

    `known`: label by case, -1 unknown.
    """
    if len(held.labels) == 1:
        return np.ones((len(held.cases), 1)), 0, True
    em = _EM(held, known)
    model = em.first()
    rounds = 0
    while True:
        truth, _ = em.truth(model)
        one = em.model(truth)
        again, density = em.truth(one)
        rounds += 2
        still = bool(np.abs(again - truth).max() < TOLERANCE)
        if still or rounds + 3 > ROUNDS:
            return np.ascontiguousarray(again.T), rounds, still
        two = em.model(again)
        truth, reached = em.truth(_leap(model, one, two))
        rounds += 1
        model = em.model(truth) if reached >= density else two


def from_golds_alone(held: Answers, known: Integers) -> Floats:
    """Chances by Bayes' rule from matrices and rates counted on golds and nothing else.

    It cannot be led astray by a majority that errs alike, and it learns nothing from the other cases.
    """
    em = _EM(held, known)
    golds = clamped(np.zeros((len(held.labels), len(held.cases))), known)
    return np.ascontiguousarray(em.truth(em.model(golds))[0].T)


def prior(k: int) -> Floats:
    """Pseudo-cases of one reviewer by (truth, answer)."""
    off, on = (0.5, 2.5) if k <= 10 else (0.5 / (k - 1), 2.0)
    return np.asarray(off + (on - off) * np.eye(k), dtype=np.float64)


def clamped(truth: Floats, known: Integers) -> Floats:
    """`truth`, of shape (labels, cases), with what is known written into it."""
    golds = np.flatnonzero(known >= 0)
    truth[:, golds] = 0.0
    truth[known[golds], golds] = 1.0
    return truth


def counted(held: Answers, truth: Floats) -> Floats:
    """Expected cases by (reviewer, truth, answer); `truth` has shape (cases, labels)."""
    return _EM(held, np.full(len(held.cases), -1)).seen(np.ascontiguousarray(truth.T))


class _EM:
    """Both steps, over one set of answers. Chances of the truth have shape (labels, cases) here."""

    def __init__(self, held: Answers, known: Integers) -> None:
        self.held, self.k, self.reviewers = held, len(held.labels), len(held.reviewers)
        self.cell = held.reviewer * self.k + held.label
        self.said = np.bincount(self.cell, minlength=self.reviewers * self.k).reshape(-1, self.k)
        self.known, self.golds = known, np.flatnonzero(known >= 0)
        self.prior = np.vstack([np.tile(prior(self.k), (self.reviewers, 1)), np.ones(self.k)])

    def first(self) -> Floats:
        """Matrices from the golds alone when there are any, else from the shares of the answers; rates from both."""
        truth = clamped(np.ascontiguousarray(shares(self.held).T), self.known)
        model = self.model(truth)
        if self.golds.size:
            model[:-1] = self.model(clamped(np.zeros_like(truth), self.known))[:-1]
        return model

    def model(self, truth: Floats) -> Floats:
        """M step: the likeliest model."""
        counts = np.vstack([self.seen(truth).reshape(-1, self.k), truth.sum(axis=1)]) + self.prior
        return np.asarray(np.log(counts / counts.sum(axis=1, keepdims=True)), dtype=np.float64)

    def seen(self, truth: Floats) -> Floats:
        """Expected cases by (reviewer, truth, answer)."""
        made = np.empty((self.reviewers, self.k, self.k))
        for t, chance in enumerate(truth):
            found = np.bincount(self.cell, weights=chance[self.held.case], minlength=self.said.size)
            made[:, t, :] = found.reshape(-1, self.k)
        return made

    def truth(self, model: Floats) -> tuple[Floats, float]:
        """E step: chances of the truth, and the logarithm of the posterior density but for a constant."""
        matrices = model[:-1].reshape(self.reviewers, self.k, self.k)
        # each label against the last, which so needs no sum of its own
        last, cases = matrices[:, -1, :], len(self.held.cases)
        made = np.zeros((self.k, cases))
        for t in range(self.k - 1):
            weights = (matrices[:, t, :] - last).ravel()
            made[t] = np.bincount(self.held.case, weights=weights[self.cell], minlength=cases)
        made += (model[-1] - model[-1, -1])[:, None]
        certain = made[self.known[self.golds], self.golds]
        top = made.max(axis=0)
        made -= top
        np.exp(made, out=made)
        total = made.sum(axis=0)
        made /= total
        top += np.log(total)
        top[self.golds] = certain
        density = top.sum() + (self.said * last).sum() + cases * model[-1, -1] + (self.prior * model).sum()
        return clamped(made, self.known), float(density)


def _leap(start: Floats, one: Floats, two: Floats) -> Floats:
    """Where SQUAREM's third step length leads; every row a distribution again."""
    went = one - start
    bent = two - one - went
    size = np.clip(np.sqrt((went**2).sum() / max((bent**2).sum(), 1e-300)), 1.0, 1e4)
    made = start + 2.0 * size * went + size**2 * bent
    made -= made.max(axis=1, keepdims=True)
    return np.asarray(made - np.log(np.exp(made).sum(axis=1, keepdims=True)), dtype=np.float64)
