"""Fit a reward model on pairs that people compared. The only module here that needs scikit-learn: `handrail[ml]`."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from handrail.errors import InvalidInput, NotEnoughEvidence, Unavailable
from handrail.learning.answer_features import Floats, fact_rows, inverse_frequencies, weigh, words
from handrail.learning.reward import FACT_SCALE, RewardModel

try:
    from scipy import sparse
    from sklearn.linear_model import LogisticRegression
except ImportError:
    sparse = LogisticRegression = None

FOLDS = 5
LEAST_PAIRS = 50
# prompts that begin alike stand in one fold: near-twins never judge each other
GROUP_CHARACTERS = 400


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """One comparison: `chosen` was found better than `rejected`. `weight`: how much it counts, above 0."""

    prompt: str
    chosen: str
    rejected: str
    weight: float = 1.0


def fit_reward(
    pairs: Sequence[Pair], *, c: float = 1.0, seed: int = 0, ceiling: float | None = None
) -> RewardModel:  # fmt: skip
    """A model on all pairs, with cross-fitted figures (five folds by prompt). `c`: inverse ridge strength.

    Raises `NotEnoughEvidence` below 50 pairs or with fewer than five prompts, `InvalidInput` for a pair of equal
    answers or a weight that is not positive, and `Unavailable` without scikit-learn.
    """
    if LogisticRegression is None:
        raise Unavailable(
            "fitting a reward model needs scikit-learn, which is not installed",
            remedy="Install it with `pip install 'handrail[ml]'`.",
        )
    _check(pairs)
    fold = _folds([pair.prompt for pair in pairs], seed)
    margins = np.empty(len(pairs))
    for k in range(FOLDS):
        out = fold == k
        if not out.any():
            continue
        part = _fit([pair for pair, held in zip(pairs, out, strict=True) if not held], c)
        margins[out] = _margins(part, [pair for pair, held in zip(pairs, out, strict=True) if held])
    sure = np.argsort(-np.abs(margins), kind="stable")[: max(1, len(pairs) // 2)]
    longer = [len(words(pair.chosen)) - len(words(pair.rejected)) for pair in pairs]
    made = _fit(pairs, c)
    return RewardModel(
        terms=made.terms, facts=made.facts, n=len(pairs), accuracy=_share_right(margins),
        surer_accuracy=_share_right(margins[sure]), surer=float(np.abs(margins[sure]).min()),
        # equal lengths are a coin
        longer_wins=float(np.mean([0.5 if d == 0 else d > 0 for d in longer])), ceiling=ceiling,
    )  # fmt: skip


def _share_right(margins: Floats) -> float:
    return float(np.mean(np.where(margins == 0.0, 0.5, margins > 0.0)))


def _check(pairs: Sequence[Pair]) -> None:
    if len(pairs) < LEAST_PAIRS:
        raise NotEnoughEvidence(
            f"not enough evidence yet ({len(pairs)} of {LEAST_PAIRS} pairs)", have=len(pairs), need=LEAST_PAIRS
        )
    for i, pair in enumerate(pairs):
        if pair.chosen == pair.rejected:
            raise InvalidInput(f"pair {i} of {len(pairs)} compares an answer with itself")
        if not 0.0 < pair.weight < float("inf"):
            raise InvalidInput(f"pair {i} of {len(pairs)} has weight {pair.weight}; weights are positive and finite")
    prompts = len({pair.prompt[:GROUP_CHARACTERS] for pair in pairs})
    if prompts < FOLDS:
        raise NotEnoughEvidence(
            f"the pairs answer {prompts} prompts; figures need at least {FOLDS}", have=prompts, need=FOLDS
        )


def _folds(prompts: Sequence[str], seed: int) -> NDArray[np.int64]:
    """One fold per prompt, by its first characters."""
    keys = [hashlib.sha256(prompt[:GROUP_CHARACTERS].encode()).digest() for prompt in prompts]
    names = sorted(set(keys))
    place = np.random.default_rng(seed).permutation(len(names)) % FOLDS
    known = dict(zip(names, place, strict=True))
    return np.asarray([known[key] for key in keys], dtype=np.int64)


def _fit(pairs: Sequence[Pair], c: float) -> RewardModel:
    prompts, chosen, rejected = ([getattr(pair, name) for pair in pairs] for name in ("prompt", "chosen", "rejected"))
    idf = inverse_frequencies([*chosen, *rejected])
    at = {term: i for i, term in enumerate(idf)}
    better, worse = fact_rows(prompts, chosen), fact_rows(prompts, rejected)
    spread = np.vstack((better, worse)).std(axis=0)
    spread[spread == 0.0] = 1.0
    x = sparse.hstack(
        [_rows(chosen, idf, at) - _rows(rejected, idf, at), sparse.csr_matrix((better - worse) / spread * FACT_SCALE)]
    ).tocsr()
    # both orders at half weight: no intercept can hide in which side was written down first
    weight = np.array([pair.weight for pair in pairs]) / 2.0
    model = LogisticRegression(C=c, fit_intercept=False, max_iter=5000)
    model.fit(
        sparse.vstack([x, -x]), np.repeat([1, -1], len(pairs)), sample_weight=np.concatenate((weight, weight))
    )  # fmt: skip
    found = model.coef_[0]
    return RewardModel(
        terms={term: (float(found[i]), idf[term]) for term, i in at.items()},
        facts=tuple(zip(found[len(at) :].tolist(), spread.tolist(), strict=True)),
        n=len(pairs), accuracy=0.0, surer_accuracy=0.0, longer_wins=0.0, surer=0.0,
    )  # fmt: skip


def _rows(answers: Sequence[str], idf: dict[str, float], at: dict[str, int]) -> Any:
    values: list[float] = []
    columns: list[int] = []
    ends = [0]
    for answer in answers:
        for term, value in weigh(answer, idf).items():
            columns.append(at[term])
            values.append(value)
        ends.append(len(values))
    return sparse.csr_matrix((values, columns, ends), shape=(len(answers), len(at)))


def _margins(model: RewardModel, pairs: Sequence[Pair]) -> Floats:
    prompts = [pair.prompt for pair in pairs]
    chosen = model.rewards(prompts, [pair.chosen for pair in pairs])
    return np.asarray(chosen - model.rewards(prompts, [pair.rejected for pair in pairs]), dtype=np.float64)
