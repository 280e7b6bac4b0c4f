"""Who answers better, from comparisons: Bradley and Terry's strengths with Davidson's ties and the effect of the side.

P(left wins) ∝ e^(θ_l + o), P(right wins) ∝ e^θ_r, P(tie) ∝ ν·e^((θ_l + θ_r)/2)   (Davidson 1970; order as in Davidson
and Beaver 1977). Each option also has half a win and half a loss against an option of strength 0, so that one who never
loses stays finite.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from handrail.canonical import JSON
from handrail.errors import InvalidInput, NotEnoughEvidence

Result = Literal["left", "right", "tie"]
Floats = NDArray[np.float64]
ROUNDS = 100
TOLERANCE = 1e-9
# half a win and half a loss
VIRTUAL = 0.5
LEAST_COMPARISONS = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """One answer of one person: which of two options was better, and which of them stood left."""

    left: str
    right: str
    result: Result


@dataclass(frozen=True, slots=True, kw_only=True)
class Ranking:
    """Strengths of the options, best first; their mean is 0. A difference of 1 wins 73 % of decided comparisons."""

    options: tuple[str, ...]
    strengths: tuple[float, ...]
    # standard errors, options compared little have large ones
    errors: tuple[float, ...]
    # what standing left adds to a strength, and its standard error
    order: float
    order_error: float
    # Davidson's ν: 0 where nobody ever tied
    ties: float
    # answers it was fitted on, and how many of those were ties
    n: int
    tied: int

    def probabilities(self, left: str, right: str) -> tuple[float, float, float]:
        """P(left is found better), P(right), P(tie)."""
        try:
            a = self.strengths[self.options.index(left)] + self.order
            b = self.strengths[self.options.index(right)]
        except ValueError:
            raise InvalidInput(f"{left!r} or {right!r} is not in this ranking") from None
        top = max(a, b)
        x, y = math.exp(a - top), math.exp(b - top)
        z = self.ties * math.exp((a + b - self.order) / 2 - top)
        return x / (x + y + z), y / (x + y + z), z / (x + y + z)

    def to_json(self) -> dict[str, JSON]:
        """As it is printed."""
        return {
            "v": 1, "kind": "ranking", "n": self.n, "tied": self.tied, "ties": self.ties,
            "order": {"effect": self.order, "error": self.order_error},
            "options": [
                {"option": option, "strength": strength, "error": error}
                for option, strength, error in zip(self.options, self.strengths, self.errors, strict=True)
            ],
        }  # fmt: skip


def rank(answers: Iterable[Compared]) -> Ranking:
    """Fit by Newton's method on the (concave) penalised log-likelihood.

    Raises `NotEnoughEvidence` below ten answers and `InvalidInput` for an option compared with itself.
    """
    told = list(answers)
    if len(told) < LEAST_COMPARISONS:
        raise NotEnoughEvidence(
            f"not enough evidence yet ({len(told)} of {LEAST_COMPARISONS} comparisons)",
            have=len(told), need=LEAST_COMPARISONS,
        )  # fmt: skip
    names = sorted({one.left for one in told} | {one.right for one in told})
    at = {name: i for i, name in enumerate(names)}
    counts: dict[tuple[int, int], list[float]] = {}
    for one in told:
        if one.left == one.right:
            raise InvalidInput(f"{one.left!r} is compared with itself")
        column = {"left": 0, "right": 1, "tie": 2}.get(one.result)
        if column is None:
            raise InvalidInput(f"a comparison ends with left, right or tie, not {one.result!r}")
        counts.setdefault((at[one.left], at[one.right]), [0.0, 0.0, 0.0])[column] += 1.0
    tied = int(sum(row[2] for row in counts.values()))
    found, spread = _newton(counts, len(names), with_ties=tied > 0)
    theta = found[: len(names)]
    # strengths are only known up to a shift
    centred = np.eye(len(found))
    centred[: len(names), : len(names)] -= 1.0 / len(names)
    errors = np.sqrt(np.maximum(np.diag(centred @ spread @ centred.T), 0.0))
    best = np.argsort(-theta, kind="stable")
    return Ranking(
        options=tuple(names[i] for i in best), strengths=tuple((theta[best] - theta.mean()).tolist()),
        errors=tuple(errors[best].tolist()), order=float(found[len(names)]), order_error=float(errors[len(names)]),
        ties=float(math.exp(found[-1])) if tied else 0.0, n=len(told), tied=tied,
    )  # fmt: skip


def _newton(counts: Mapping[tuple[int, int], list[float]], k: int, *, with_ties: bool) -> tuple[Floats, Floats]:
    """The parameters (strengths, effect of the side, ln ν) and their covariance."""
    size = k + 1 + with_ties
    forms = np.zeros((len(counts), 3, size))
    for row, (left, right) in enumerate(counts):
        forms[row, 0, left] = forms[row, 0, k] = forms[row, 1, right] = 1.0
        forms[row, 2, left] = forms[row, 2, right] = 0.5
        if with_ties:
            forms[row, 2, k + 1] = 1.0
    seen = np.array(list(counts.values()))
    held = np.zeros(size)
    value = -math.inf
    for _ in range(ROUNDS):
        gained, gradient, curve = _likelihood(forms, seen, held, with_ties=with_ties)
        step = np.linalg.solve(curve, gradient)
        value, size_of_step = gained, 1.0
        while size_of_step > 1e-6:
            moved = held + size_of_step * step
            if _likelihood(forms, seen, moved, with_ties=with_ties)[0] >= value - 1e-12:
                break
            size_of_step /= 2.0
        held = held + size_of_step * step
        if float(np.abs(step).max()) < TOLERANCE:
            break
    curve = _likelihood(forms, seen, held, with_ties=with_ties)[2]
    return held, np.asarray(np.linalg.inv(curve), dtype=np.float64)


def _likelihood(forms: Any, seen: Any, held: Floats, *, with_ties: bool) -> tuple[float, Floats, Floats]:
    """Value, gradient and minus the Hessian."""
    logits = forms @ held
    if not with_ties:
        logits[:, 2] = -math.inf
    top = logits.max(axis=1, keepdims=True)
    total = top + np.log(np.exp(logits - top).sum(axis=1, keepdims=True))
    p, n = np.exp(logits - total), seen.sum(axis=1)
    value = float(np.where(seen > 0, seen * (np.where(np.isfinite(logits), logits, 0.0) - total), 0.0).sum())
    mean = np.einsum("rc,rcs->rs", p, forms)
    gradient = np.einsum("rc,rcs->s", seen, forms) - n @ mean
    curve = np.einsum("r,rc,rcs,rct->st", n, p, forms, forms) - np.einsum("r,rs,rt->st", n, mean, mean)
    # half a win and half a loss each: against strength 0, from the left, and of ties against decided ones
    q = 1.0 / (1.0 + np.exp(-held))
    value += float(VIRTUAL * (np.log(q) + np.log1p(-q)).sum())
    return value, gradient + VIRTUAL * (1.0 - 2.0 * q), curve + np.diag(2.0 * VIRTUAL * q * (1.0 - q))
