"""One coin per reviewer: right with chance s, otherwise any other label alike.

It has few numbers to learn, so it suits few answers.

s ~ Beta(4, 1) (people are mostly right until shown otherwise), by its posterior mean; EM as in `dawid_skene`.
"""

from __future__ import annotations

import numpy as np

from handrail.consensus.answers import Answers, Floats, Integers
from handrail.consensus.dawid_skene import ROUNDS, TOLERANCE
from handrail.consensus.majority import shares

RIGHT, WRONG = 4.0, 1.0


def one_coin(held: Answers, known: Integers) -> Floats:
    """Chances of the truth, shape (cases, labels). `known`: label by case, -1 unknown; these are clamped."""
    k, cases, reviewers = len(held.labels), len(held.cases), len(held.reviewers)
    if k == 1:
        return np.ones((cases, 1))
    clamp = known >= 0
    certain = np.eye(k)[known[clamp]]
    truth = shares(held)
    truth[clamp] = certain
    among = clamp[held.case] if clamp.any() else np.ones(len(held.case), dtype=bool)
    cell = held.case * k + held.label
    for _ in range(ROUNDS):
        agreed = truth[held.case, held.label]
        right = np.bincount(held.reviewer[among], weights=agreed[among], minlength=reviewers)
        n = np.bincount(held.reviewer[among], minlength=reviewers)
        skill = (right + RIGHT) / (n + RIGHT + WRONG)
        odds = np.log(skill) - np.log((1.0 - skill) / (k - 1))
        rates = (truth.sum(axis=0) + 1.0) / (cases + k)
        made = np.log(rates) + np.bincount(cell, weights=odds[held.reviewer], minlength=cases * k).reshape(cases, k)
        made = np.exp(made - made.max(axis=1, keepdims=True))
        made /= made.sum(axis=1, keepdims=True)
        made[clamp] = certain
        moved = np.abs(made - truth).max()
        truth = made
        among[:] = True
        if moved < TOLERANCE:
            break
    return truth
