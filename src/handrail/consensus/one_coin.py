"""One coin per reviewer: right with chance s, otherwise any other label alike.

It has few numbers to learn, so it suits few answers.

s ~ Beta(4, 1) (people are mostly right until shown otherwise), by its posterior mean; plain EM, which is quick here.
"""

from __future__ import annotations

import numpy as np

from handrail.consensus.answers import Answers, Floats, Integers
from handrail.consensus.em import ROUNDS, TOLERANCE, clamped
from handrail.consensus.majority import shares

RIGHT, WRONG = 4.0, 1.0


def one_coin(held: Answers, known: Integers) -> tuple[Floats, bool]:
    """Chances of the truth, shape (cases, labels), and whether they stood still when the rounds ended.

    `known`: label by case, -1 unknown; these are clamped.
    """
    k, cases, reviewers = len(held.labels), len(held.cases), len(held.reviewers)
    if k == 1:
        return np.ones((cases, 1)), True
    # shape (labels, cases) on the way: sums over labels are quick then
    truth = clamped(np.ascontiguousarray(shares(held).T), known)
    among = (known >= 0)[held.case] if (known >= 0).any() else np.ones(len(held.case), dtype=bool)
    cell = held.label * cases + held.case
    for _ in range(ROUNDS):
        agreed = truth.ravel()[cell]
        right = np.bincount(held.reviewer[among], weights=agreed[among], minlength=reviewers)
        n = np.bincount(held.reviewer[among], minlength=reviewers)
        skill = (right + RIGHT) / (n + RIGHT + WRONG)
        odds = np.log(skill) - np.log((1.0 - skill) / (k - 1))
        rates = (truth.sum(axis=1) + 1.0) / (cases + k)
        heard = np.bincount(cell, weights=odds[held.reviewer], minlength=cases * k).reshape(k, cases)
        logs = heard + np.log(rates)[:, None]
        made = np.exp(logs - logs.max(axis=0))
        made /= made.sum(axis=0)
        made = clamped(made, known)
        moved = np.abs(made - truth).max()
        truth = made
        among[:] = True
        if moved < TOLERANCE:
            return np.ascontiguousarray(truth.T), True
    return np.ascontiguousarray(truth.T), False
