"""Aggregation: what many answers come to, by the way of reading them that golds favour.

Clamping golds alone does not save a crowd whose majority is hostile or blind, so golds also choose: Dawid-Skene with
priors, unless another way gets at least 0.3·√m more of the m golds right in five-fold cross-validation.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from handrail.consensus.answers import Answer, Answers, Floats, Integers, collect
from handrail.consensus.em import fit, from_golds_alone
from handrail.consensus.majority import ByCase, shares, tied
from handrail.consensus.one_coin import one_coin
from handrail.errors import InvalidInput

Way = Literal["dawid_skene", "majority", "one_coin", "golds"]
WAYS: tuple[Way, ...] = ("dawid_skene", "majority", "one_coin", "golds")
FOLDS = 5
# golds right that another way must have over Dawid-Skene, in units of √m
LEAD = 0.3
# fewer golds than this choose nothing
LEAST_GOLDS = 10
# share of cases on which the model and plain counting may differ before somebody should look
DIFFER = 0.10


@dataclass(frozen=True, slots=True, kw_only=True)
class Aggregated:
    """Consensus by case, the way it was read, and what speaks for that way."""

    consensus: ByCase
    way: Way
    # golds among the cases, and how many of them each way got right when it did not know them; empty: none chose
    golds: int
    right: dict[Way, float]
    # share of the cases with a majority on which Dawid-Skene says something else
    differs: float
    # whether the chances stood still when the rounds of that way ended
    converged: bool

    @property
    def warning(self) -> str | None:
        """Why a person should look before this is believed; None when nothing speaks against it."""
        said = []
        if self.differs > DIFFER:
            said.append(
                f"Dawid-Skene and plain majority differ on {self.differs:.0%} of the cases: add golds to tell why"
            )
        if not self.converged:
            said.append("the rounds ran out before the chances stood still: those of some cases would move yet")
        if self.golds < LEAST_GOLDS:
            said.append(
                f"not enough golds yet ({self.golds} of {LEAST_GOLDS}): where most reviewers err alike, this errs "
                "with them"
            )
        return "; ".join(said) or None


def aggregate(answers: Iterable[Answer] | Answers, golds: Mapping[str, Any] | None = None) -> Aggregated:
    """Read all answers at once. `golds` maps case to its known label. Raises `InvalidInput` without answers."""
    held = answers if isinstance(answers, Answers) else collect(answers)
    if not held.cases:
        raise InvalidInput("there are no answers to aggregate")
    known = held.known(golds or {})
    m = int((known >= 0).sum())
    model, _, converged = fit(held, known)
    way: Way = "dawid_skene"
    right: dict[Way, float] = {}
    if m >= LEAST_GOLDS and len(held.labels) > 1:
        right = _right_when_unknown(held, known)
        way = _chosen(right, m)
    chances, converged = (model, converged) if way == "dawid_skene" else _read(held, known, way)
    return Aggregated(
        consensus=ByCase(held, chances), way=way, golds=m, right=right, differs=_differs(shares(held), model),
        converged=converged,
    )  # fmt: skip


def _read(held: Answers, known: Integers, way: Way) -> tuple[Floats, bool]:
    """The chances by this way, and whether they stood still."""
    if way == "dawid_skene":
        chances, _, converged = fit(held, known)
        return chances, converged
    if way == "one_coin":
        return one_coin(held, known)
    if way == "golds":
        return from_golds_alone(held, known), True
    counted = shares(held)
    clamp = known >= 0
    counted[clamp] = np.eye(len(held.labels))[known[clamp]]
    return counted, True


def _right_when_unknown(held: Answers, known: Integers) -> dict[Way, float]:
    """Golds each way gets right while a fifth of them is hidden from it. A tie counts as its share."""
    places = np.flatnonzero(known >= 0)
    # by a digest of the name: the same folds every time, whatever order the cases came in
    order = sorted(places.tolist(), key=lambda i: hashlib.sha256(held.cases[i].encode()).digest())
    found: dict[Way, float] = dict.fromkeys(WAYS, 0.0)
    for fold in range(FOLDS):
        hidden = np.array(order[fold::FOLDS], dtype=np.int64)
        seen = known.copy()
        seen[hidden] = -1
        for way in WAYS:
            found[way] += _score(_read(held, seen, way)[0][hidden], known[hidden])
    return found


def _score(chances: Floats, truth: Integers) -> float:
    best = chances >= chances.max(axis=1, keepdims=True) - 1e-9
    return float((best[np.arange(len(truth)), truth] / best.sum(axis=1)).sum())


def _chosen(right: Mapping[Way, float], m: int) -> Way:
    others: list[Way] = [way for way in WAYS if way != "dawid_skene"]
    best = max(others, key=lambda way: right[way])
    return best if right[best] - right["dawid_skene"] >= LEAD * math.sqrt(m) else "dawid_skene"


def _differs(counted: Floats, model: Floats) -> float:
    clear = ~tied(counted)
    if not clear.any():
        return 0.0
    return float((counted[clear].argmax(axis=1) != model[clear].argmax(axis=1)).mean())
